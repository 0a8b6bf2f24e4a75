//! Times since the Unix epoch as dates, and back (RFC 3339; RFC 9110, section 5.6.7).

use crate::json::push_integer;
use std::time::Duration;

/// Appends the last `N` digits of a number, with zeros in front.
pub(crate) fn push_digits<const N: usize>(mut number: u32, out: &mut String) {
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        *digit += (number % 10) as u8;
        number /= 10;
    }
    out.extend(digits.map(char::from));
}

/// A time since the Unix epoch as `2026-01-02T03:04:05Z` (RFC 3339).
pub fn rfc3339(time: Duration) -> String {
    let mut text = String::new();
    push_rfc3339(time, &mut text);
    text.truncate("2026-01-02T03:04:05".len());
    text.push('Z');
    text
}

/// Appends a time since the Unix epoch as `2026-01-02T03:04:05.678Z` (RFC 3339).
pub(crate) fn push_rfc3339(time: Duration, out: &mut String) {
    let (days, second) = (time.as_secs() / 86_400, (time.as_secs() % 86_400) as u32);
    // Days are counted from 1 March of year 0, so that a leap day ends its year of 365.2425 days.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, (days % 146_097) as u32);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    push_integer(era * 400 + u64::from(year + carry), out);
    for (before, number) in
        [('-', month), ('-', day_of_month), ('T', second / 3600), (':', second / 60 % 60), (':', second % 60)]
    {
        out.push(before);
        push_digits::<2>(number, out);
    }
    out.push('.');
    push_digits::<3>(time.subsec_millis(), out);
    out.push('Z');
}

/// Reads a date of HTTP in any of the three forms a recipient must take (RFC 9110, section 5.6.7); none before 1970.
pub fn http_date(text: &str) -> Option<Duration> {
    // The names of days add nothing to the rest.
    let (_, rest) = text.split_once(' ')?;
    let words: Vec<&str> = rest.split([' ', '-']).filter(|word| !word.is_empty()).collect();
    let (day, month, year, time) = match *words.as_slice() {
        // `Sun, 06 Nov 1994 08:49:37 GMT` and `Sunday, 06-Nov-94 08:49:37 GMT`
        [day, month, year, time, "GMT"] => (day, month, year, time),
        // `Sun Nov  6 08:49:37 1994`
        [month, day, time, year] => (day, month, year, time),
        _ => return None,
    };
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = MONTHS.iter().position(|name| *name == month)? as u64 + 1;
    let number =
        |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
    let year = match (number(year)?, year.len()) {
        // Two digits: no upstream requests a pause of decades.
        (year, 2) => 2000 + year,
        (year, 4) if year >= 1970 => year,
        _ => return None,
    };
    let clock: Vec<u64> = time.split(':').map(number).collect::<Option<_>>()?;
    let &[hour, minute, second] = clock.as_slice() else { return None };
    let day = number(day).filter(|day| (1..=31).contains(day))?;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days_since_epoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(Duration::from_secs(seconds))
}

/// Days from 1 January 1970 to a day of a year from then on.
fn days_since_epoch(year: u64, month: u64, day: u64) -> u64 {
    // A year is counted from 1 March, so that the leap day is its last.
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    (365 * year + year / 4 - year / 100 + year / 400 + day_of_year).saturating_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339() {
        for (millis, want) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (1_709_251_200_000, "2024-03-01T00:00:00.000Z"),
            (1_798_761_599_001, "2026-12-31T23:59:59.001Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            let mut text = String::new();
            push_rfc3339(Duration::from_millis(millis), &mut text);
            assert_eq!(text, want);
        }
    }

    #[test]
    fn dates_of_http_are_read() {
        for (text, want) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Tue, 29 Feb 2000 00:00:00 GMT", 951_782_400),
            ("Friday, 31-Dec-26 23:59:59 GMT", 1_798_761_599),
            ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
        ] {
            assert_eq!(http_date(text), Some(Duration::from_secs(want)), "{text}");
        }
    }
}
