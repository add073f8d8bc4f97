//! strftime_now: the time as Python's datetime.now().strftime prints it, with English names.

use std::time::{SystemTime, UNIX_EPOCH};

use minijinja::Error;

use crate::error::{limit, type_error};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

#[derive(Clone, Copy, Debug)]
pub struct Clock {
    year: i64,
    /// 1 to 12
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    microsecond: u32,
}

impl Clock {
    /// `2025-07-04T09:08:07`, with an optional fraction of a second; None when it is something else.
    pub fn parse(text: &str) -> Option<Clock> {
        let bytes = text.as_bytes();
        if bytes.len() < 19 || !text.is_ascii() || !(bytes[10] == b'T' || bytes[10] == b' ') {
            return None;
        }
        let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
        if separators.iter().any(|&(at, c)| bytes[at] != c) {
            return None;
        }
        let number = |from: usize, to: usize| -> Option<u32> {
            bytes[from..to].iter().all(u8::is_ascii_digit).then(|| text[from..to].parse().ok()).flatten()
        };
        let fraction = match text[19..].strip_prefix('.') {
            Some(digits) if (1..=6).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) => {
                format!("{digits:0<6}").parse().ok()?
            }
            None if bytes.len() == 19 => 0,
            _ => return None,
        };
        let clock = Clock {
            year: number(0, 4)?.into(),
            month: number(5, 7)?,
            day: number(8, 10)?,
            hour: number(11, 13)?,
            minute: number(14, 16)?,
            second: number(17, 19)?,
            microsecond: fraction,
        };
        let sane = (1..=12).contains(&clock.month)
            && (1..=days_in_month(clock.year, clock.month)).contains(&clock.day)
            && clock.hour < 24
            && clock.minute < 60
            && clock.second < 60
            && clock.year > 0;
        sane.then_some(clock)
    }

    /// The time in UTC; a caller who wants local time passes it.
    pub fn now_utc() -> Clock {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = since.as_secs();
        let (mut days, rest) = ((seconds / 86400) as i64, (seconds % 86400) as u32);
        let mut year = 1970;
        while days >= days_in_year(year) {
            days -= days_in_year(year);
            year += 1;
        }
        let mut month = 1;
        while days >= i64::from(days_in_month(year, month)) {
            days -= i64::from(days_in_month(year, month));
            month += 1;
        }
        Clock {
            year,
            month,
            day: days as u32 + 1,
            hour: rest / 3600,
            minute: rest / 60 % 60,
            second: rest % 60,
            microsecond: since.subsec_micros(),
        }
    }

    fn day_of_year(&self) -> u32 {
        (1..self.month).map(|m| days_in_month(self.year, m)).sum::<u32>() + self.day
    }

    /// 0 is Sunday.
    fn weekday(&self) -> u32 {
        let y = self.year - 1;
        ((y * 365 + y / 4 - y / 100 + y / 400 + i64::from(self.day_of_year())) % 7) as u32
    }

    fn iso_week(&self) -> (i64, u32) {
        let weekday = (self.weekday() + 6) % 7;
        let week = (self.day_of_year() + 9 - weekday) / 7;
        let weeks_in = |year: i64| {
            let january_first = Clock { year, month: 1, day: 1, ..*self }.weekday();
            if january_first == 4 || (january_first == 3 && is_leap(year)) {
                53
            } else {
                52
            }
        };
        match week {
            0 => (self.year - 1, weeks_in(self.year - 1)),
            w if w > weeks_in(self.year) => (self.year + 1, 1),
            w => (self.year, w),
        }
    }

    pub fn strftime(&self, format: &str) -> Result<String, Error> {
        if format.len() > 4096 {
            return Err(limit("the format of strftime_now is too long"));
        }
        let mut out = String::new();
        let mut chars = format.chars().peekable();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            let flag = chars.next_if(|f| matches!(f, '-' | '_' | '0' | '^' | '#'));
            match chars.next() {
                Some(directive) => self.directive(&mut out, flag, directive)?,
                None => out.push('%'),
            }
        }
        Ok(out)
    }

    fn directive(&self, out: &mut String, flag: Option<char>, directive: char) -> Result<(), Error> {
        let number = |value: i64, width: usize, pad: char| match flag {
            Some('-') => value.to_string(),
            Some('0') => format!("{value:0width$}"),
            Some('_') => format!("{value:width$}"),
            _ if pad == ' ' => format!("{value:width$}"),
            _ => format!("{value:0width$}"),
        };
        let hour12 = (i64::from(self.hour) + 11) % 12 + 1;
        let (day_of_year, weekday) = (i64::from(self.day_of_year()), i64::from(self.weekday()));
        let month = MONTHS[self.month as usize - 1];
        let text = match directive {
            'Y' => number(self.year, 1, '0'),
            'C' => number(self.year / 100, 2, '0'),
            'y' => number(self.year % 100, 2, '0'),
            'm' => number(self.month.into(), 2, '0'),
            'd' => number(self.day.into(), 2, '0'),
            'e' => number(self.day.into(), 2, ' '),
            'H' => number(self.hour.into(), 2, '0'),
            'k' => number(self.hour.into(), 2, ' '),
            'I' => number(hour12, 2, '0'),
            'l' => number(hour12, 2, ' '),
            'M' => number(self.minute.into(), 2, '0'),
            'S' => number(self.second.into(), 2, '0'),
            'f' => format!("{:06}", self.microsecond),
            'j' => number(day_of_year, 3, '0'),
            'u' => number((weekday + 6) % 7 + 1, 1, '0'),
            'w' => number(weekday, 1, '0'),
            'U' => number((day_of_year + 6 - weekday) / 7, 2, '0'),
            'W' => number((day_of_year + 6 - (weekday + 6) % 7) / 7, 2, '0'),
            'V' => number(self.iso_week().1.into(), 2, '0'),
            'G' => number(self.iso_week().0, 1, '0'),
            'g' => number(self.iso_week().0 % 100, 2, '0'),
            'B' => month.into(),
            'b' | 'h' => month[..3].into(),
            'A' => DAYS[weekday as usize].into(),
            'a' => DAYS[weekday as usize][..3].into(),
            'p' => if self.hour < 12 { "AM" } else { "PM" }.into(),
            'P' => if self.hour < 12 { "am" } else { "pm" }.into(),
            'D' | 'x' => self.strftime("%m/%d/%y")?,
            'F' => self.strftime("%Y-%m-%d")?,
            'T' | 'X' => self.strftime("%H:%M:%S")?,
            'R' => self.strftime("%H:%M")?,
            'r' => self.strftime("%I:%M:%S %p")?,
            'c' => self.strftime("%a %b %e %H:%M:%S %Y")?,
            's' => self.unix_time().to_string(),
            // A datetime without a zone prints nothing for these.
            'z' | 'Z' => String::new(),
            'n' => "\n".into(),
            't' => "\t".into(),
            '%' => "%".into(),
            other => return Err(type_error(format!("strftime_now does not know %{other}"))),
        };
        out.push_str(&if matches!(flag, Some('^')) { text.to_uppercase() } else { text });
        Ok(())
    }

    fn unix_time(&self) -> i64 {
        let y = self.year - 1;
        let days = y * 365 + y / 4 - y / 100 + y / 400 + i64::from(self.day_of_year()) - 719_163;
        days * 86400 + i64::from(self.hour * 3600 + self.minute * 60 + self.second)
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_year(year: i64) -> i64 {
    if is_leap(year) {
        366
    } else {
        365
    }
}

fn days_in_month(year: i64, month: u32) -> u32 {
    match month {
        2 => 28 + u32::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::Clock;

    #[test]
    fn formats_as_python_does() {
        let clock = Clock::parse("2025-07-04T09:08:07").unwrap();
        for (format, text) in [
            ("%d %b %Y", "04 Jul 2025"),
            ("%A, %B %-d", "Friday, July 4"),
            ("%H:%M:%S %p", "09:08:07 AM"),
            ("%j %U %W %V", "185 26 26 27"),
            ("%I%%%e|%y", "09% 4|25"),
            ("%c", "Fri Jul  4 09:08:07 2025"),
            ("%s", "1751620087"),
            ("%F %T", "2025-07-04 09:08:07"),
            ("%u%w", "55"),
        ] {
            assert_eq!(clock.strftime(format).unwrap(), text);
        }
        assert_eq!(
            Clock::parse("2024-12-30T00:00:00.25").unwrap().strftime("%G-%V %j %f").unwrap(),
            "2025-01 365 250000"
        );
        assert!(clock.strftime("%Q").is_err());
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in [
            "",
            "2025-07-04",
            "2025-13-04T09:08:07",
            "2025-02-29T00:00:00",
            "2025-07-04T24:00:00",
            "2025-07-04T09:08:07Z",
        ] {
            assert!(Clock::parse(text).is_none(), "{text}");
        }
    }
}
