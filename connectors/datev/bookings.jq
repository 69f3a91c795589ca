def is_debtor($digits): (length == $digits + 1) and test("^[1-6][0-9]+$");

# Day and month, a leading zero left out by some; the year is that of the fiscal year they lie in.
def day($begin):
  ("0" + .)[-4:] | if test("^[0-3][0-9][01][0-9]$") then .[2:4] + "-" + .[0:2] else error("the row has no day of its voucher") end
  | . as $day
  | ($begin[0:4] | tonumber) as $year
  | "\(if $day < $begin[5:10] then $year + 1 else $year end)-\($day)T00:00:00Z";

# Is it an account of cash or a bank, as far as the chart of accounts tells? The first four digits are those of the chart,
# however long accounts are; zeros in front may be left out.
def is_money($chart; $length):
  ((($length - length) as $lacking | if $lacking > 0 then "0" * $lacking + . else . end)[0:4] | tonumber? // 0) as $number
  | ($chart // "" | ltrimstr("SKR") | ltrimstr("0")) as $chart
  | if $chart == "3" then $number >= 1000 and $number < 1400
    elif $chart == "4" then $number >= 1600 and $number < 1900
    else true end;

.header as $header
| ($header.account_length // 4) as $length
| .row
| .Konto as $account
| (."Gegenkonto (ohne BU-Schlüssel)" // .Gegenkonto) as $other
| ."Umsatz (ohne Soll/Haben-Kz)" as $amount
| ."Soll/Haben-Kennzeichen" as $side
| if $account == null or $other == null or $amount == null then error("the row has no amount or lacks an account") else . end
| if $side != "S" and $side != "H" then error("the row does not say which side it is on") else . end
| if $header.year_begin == null then error("the header has no begin of the fiscal year") else . end
| (
    if ($account | is_debtor($length)) then {debtor: $account, against: $other, debit: ($side == "S")}
    elif ($other | is_debtor($length)) then {debtor: $other, against: $account, debit: ($side == "H")}
    else empty end
  ) as $booking
| (.Belegdatum // error("the row has no day of its voucher") | day($header.year_begin)) as $day
| ($amount | gsub("[.]"; "") | gsub(","; ".")) as $value
| (."WKZ Umsatz" // $header.currency // "EUR") as $currency
| ."Belegfeld 1" as $voucher
| {
    external_id: "\($header.consultant)-\($header.client)/\($day[0:10])/\($account)/\($other)/\($voucher // "")/\($side)/\($value)",
    updated_at: $header.created,
    identifiers: [{kind: "account", value: $booking.debtor}]
  }
  + (if ($booking.debit | not) and ($booking.against | is_money($header.chart; $length))
    then {type: "payment", data: {paid_at: $day, currency: $currency, amount: $value, reference: $voucher}}
    else {
      type: "invoice",
      data: {
        number: ($voucher // "ohne Belegnummer"),
        issued_at: $day,
        kind: (if $booking.debit then "invoice" else "credit_note" end),
        status: "booked",
        currency: $currency,
        total: $value
      }
    } end)
