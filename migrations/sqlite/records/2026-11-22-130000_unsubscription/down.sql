DROP TABLE unsubscription;
