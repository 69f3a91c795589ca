# What every filter of every connector may use besides jq's own library.

# An instant in RFC 3339; Meta writes the offset without its colon.
def instant: if . == null then null else sub("(?<h>[+-][0-9]{2})(?<m>[0-9]{2})$"; "\(.h):\(.m)") end;

# The date of an instant that stands for a date.
def day: if . == null then null else .[0:10] end;

# Ids as text, whatever the vendor writes them as.
def text: if . == null then null else tostring end;

# A list, whatever the vendor writes for an empty one.
def list: if isarray then . else [] end;

# A text with something in it, or nothing.
def filled: if isstring and (trim | length) > 0 then . else null end;
