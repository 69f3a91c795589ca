DROP TABLE unheard;
