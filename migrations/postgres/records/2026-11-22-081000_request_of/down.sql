DROP INDEX request_of;
