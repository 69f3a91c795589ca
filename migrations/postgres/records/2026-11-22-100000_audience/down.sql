DROP TABLE audience_member;
DROP TABLE audience;
