DROP INDEX card_contacts;
