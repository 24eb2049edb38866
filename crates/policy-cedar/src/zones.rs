//! Local time: the rules of named zones, as they are now. What holds of the past, or in a future that nobody has decided
//! on, is not known here: a decision is about now.
//!
//! `zones.txt` has them from the time zone database (2025b), each rule in the form of POSIX (RFC 8536 §3.3) with the zones
//! that go by it. Left out are those whose clocks follow Ramadan, which no such rule tells.

const ZONES: &str = include_str!("zones.txt");

const DAY: i64 = 86_400;
const HOUR: i64 = 3600;
/// Three million years: further away nobody counts.
const FARTHEST: i64 = 100_000_000_000_000;

/// A zone, by its name in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Zone {
    pub(super) name: &'static str,
    rule: &'static str,
}

/// What a clock on the wall shows, with its calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WallClock {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    /// Monday is 1.
    pub(super) weekday: i64,
}

/// Every zone.
pub(super) fn all() -> impl Iterator<Item = Zone> {
    ZONES.lines().flat_map(|line| {
        let mut words = line.split(' ');
        let rule = words.next().unwrap_or_default();
        words.map(move |name| Zone { name, rule })
    })
}

impl Zone {
    /// What a clock there shows. `None` when its rule cannot be read: a test reads them all.
    pub(super) fn clock(self, now: i64) -> Option<WallClock> {
        let now = now.clamp(-FARTHEST, FARTHEST);
        Some(WallClock::at(now + Rule::parse(self.rule)?.offset(now)))
    }
}

impl WallClock {
    /// 1970-01-01 was a Thursday.
    pub(super) fn at(local: i64) -> Self {
        let (days, second) = (local.div_euclid(DAY), local.rem_euclid(DAY));
        let (year, month, day) = civil(days);
        let weekday = (days + 3).rem_euclid(7) + 1;
        Self { year, month, day, hour: second / HOUR, minute: second / 60 % 60, weekday }
    }
}

/// How far clocks are ahead of UTC, in seconds, and from when to when by how much in summer.
struct Rule {
    standard: i64,
    summer: Option<Summer>,
}

struct Summer {
    offset: i64,
    begin: Change,
    end: Change,
}

/// `M3.5.0/2`: the last Sunday of March, at two of the clock that goes until then.
struct Change {
    month: i64,
    week: i64,
    weekday: i64,
    time: i64,
}

impl Rule {
    fn parse(text: &str) -> Option<Self> {
        let rest = after_name(text)?;
        let (standard, rest) = span(rest)?;
        if rest.is_empty() {
            return Some(Self { standard: -standard, summer: None });
        }
        let rest = after_name(rest)?;
        let (summer, rest) = if rest.starts_with(',') { (standard - HOUR, rest) } else { span(rest)? };
        let mut changes = rest.strip_prefix(',')?.split(',').map(Change::parse);
        let (begin, end) = (changes.next()??, changes.next()??);
        Some(Self { standard: -standard, summer: Some(Summer { offset: -summer, begin, end }) })
    }

    fn offset(&self, now: i64) -> i64 {
        let Some(Summer { offset, begin, end }) = &self.summer else { return self.standard };
        let year = WallClock::at(now + self.standard).year;
        let (begin, end) = (begin.at(year) - self.standard, end.at(year) - offset);
        let is_summer = if begin < end { (begin..end).contains(&now) } else { !(end..begin).contains(&now) };
        if is_summer { *offset } else { self.standard }
    }
}

impl Change {
    fn parse(text: &str) -> Option<Self> {
        let (day, time) = text.strip_prefix('M')?.split_once('/').unwrap_or((text.strip_prefix('M')?, "2"));
        let mut numbers = day.split('.').map(|number| number.parse::<i64>().ok());
        let (month, week, weekday) = (numbers.next()??, numbers.next()??, numbers.next()??);
        let (time, rest) = span(time)?;
        rest.is_empty().then_some(Self { month, week, weekday, time })
    }

    /// In seconds of the local clock. The fifth week is the last, also of a month that has four.
    fn at(&self, year: i64) -> i64 {
        let first = days(year, self.month, 1);
        // Sunday is 0 in rules.
        let ahead = (self.weekday - (first + 4)).rem_euclid(7);
        let next = if self.month == 12 { days(year + 1, 1, 1) } else { days(year, self.month + 1, 1) };
        let mut day = first + ahead + (self.week - 1) * 7;
        if day >= next {
            day -= 7;
        }
        day * DAY + self.time
    }
}

/// What stands behind `CET` or `<+03>`.
fn after_name(text: &str) -> Option<&str> {
    match text.strip_prefix('<') {
        Some(quoted) => quoted.split_once('>').map(|(_, rest)| rest),
        None => Some(text.trim_start_matches(|c: char| c.is_ascii_alphabetic())),
    }
}

/// `-3:30`, in seconds, and what stands behind it.
fn span(text: &str) -> Option<(i64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && !"+-:".contains(c)).unwrap_or(text.len());
    let (span, rest) = text.split_at_checked(end)?;
    let (sign, digits) = span.strip_prefix('-').map_or((1, span.strip_prefix('+').unwrap_or(span)), |rest| (-1, rest));
    let mut total = 0;
    for (part, unit) in digits.split(':').zip([HOUR, 60, 1]) {
        total += part.parse::<i64>().ok()? * unit;
    }
    Some((sign * total, rest))
}

/// Days since 1970-01-01 of the Gregorian calendar, counted in eras of 400 years that begin in March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The other way round.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn shows(name: &str, now: i64, expected: &str) {
        let zone = all().find(|zone| zone.name == name).unwrap();
        let WallClock { year, month, day, hour, minute, weekday } = zone.clock(now).unwrap();
        let shown = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} {weekday}");
        assert_eq!(shown, expected, "{name} {now}");
    }

    #[test]
    fn every_rule_can_be_read_and_no_zone_has_two() {
        let mut names: Vec<_> = all().map(|zone| zone.name).collect();
        assert!(names.len() > 550, "{}", names.len());
        for zone in all() {
            assert!(zone.clock(1_795_428_000).is_some(), "{zone:?}");
        }
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn clocks_change_to_the_second_and_back() {
        shows("Europe/Berlin", 1_774_745_999, "2026-03-29 01:59 7");
        shows("Europe/Berlin", 1_774_746_000, "2026-03-29 03:00 7");
        shows("Europe/Berlin", 1_792_889_999, "2026-10-25 02:59 7");
        shows("Europe/Berlin", 1_792_890_000, "2026-10-25 02:00 7");
        shows("Europe/Dublin", 1_774_745_999, "2026-03-29 00:59 7");
        shows("Europe/Dublin", 1_774_746_000, "2026-03-29 02:00 7");
        shows("Europe/Dublin", 1_792_889_999, "2026-10-25 01:59 7");
        shows("Europe/Dublin", 1_792_890_000, "2026-10-25 01:00 7");
        shows("America/New_York", 1_772_953_199, "2026-03-08 01:59 7");
        shows("America/New_York", 1_772_953_200, "2026-03-08 03:00 7");
        shows("America/New_York", 1_793_512_799, "2026-11-01 01:59 7");
        shows("America/New_York", 1_793_512_800, "2026-11-01 01:00 7");
        shows("America/St_Johns", 1_772_947_799, "2026-03-08 01:59 7");
        shows("America/St_Johns", 1_772_947_800, "2026-03-08 03:00 7");
        shows("America/St_Johns", 1_793_507_399, "2026-11-01 01:59 7");
        shows("America/St_Johns", 1_793_507_400, "2026-11-01 01:00 7");
        shows("Australia/Lord_Howe", 1_775_314_799, "2026-04-05 01:59 7");
        shows("Australia/Lord_Howe", 1_775_314_800, "2026-04-05 01:30 7");
        shows("Australia/Lord_Howe", 1_791_041_399, "2026-10-04 01:59 7");
        shows("Australia/Lord_Howe", 1_791_041_400, "2026-10-04 02:30 7");
        shows("Antarctica/Troll", 1_774_745_999, "2026-03-29 00:59 7");
        shows("Antarctica/Troll", 1_774_746_000, "2026-03-29 03:00 7");
        shows("Antarctica/Troll", 1_792_889_999, "2026-10-25 02:59 7");
        shows("Antarctica/Troll", 1_792_890_000, "2026-10-25 01:00 7");
        shows("America/Nuuk", 1_774_745_999, "2026-03-28 22:59 6");
        shows("America/Nuuk", 1_774_746_000, "2026-03-29 00:00 7");
        shows("America/Nuuk", 1_792_889_999, "2026-10-24 23:59 6");
        shows("America/Nuuk", 1_792_890_000, "2026-10-24 23:00 6");
        shows("Asia/Jerusalem", 1_774_569_599, "2026-03-27 01:59 5");
        shows("Asia/Jerusalem", 1_774_569_600, "2026-03-27 03:00 5");
        shows("Asia/Jerusalem", 1_792_882_799, "2026-10-25 01:59 7");
        shows("Asia/Jerusalem", 1_792_882_800, "2026-10-25 01:00 7");
        shows("Africa/Cairo", 1_776_981_599, "2026-04-23 23:59 4");
        shows("Africa/Cairo", 1_776_981_600, "2026-04-24 01:00 5");
        shows("Africa/Cairo", 1_793_307_599, "2026-10-29 23:59 4");
        shows("Africa/Cairo", 1_793_307_600, "2026-10-29 23:00 4");
        shows("America/Santiago", 1_775_357_999, "2026-04-04 23:59 6");
        shows("America/Santiago", 1_775_358_000, "2026-04-04 23:00 6");
        shows("America/Santiago", 1_788_667_199, "2026-09-05 23:59 6");
        shows("America/Santiago", 1_788_667_200, "2026-09-06 01:00 7");
        shows("Asia/Kolkata", 1_795_428_000, "2026-11-23 15:30 1");
        shows("Pacific/Chatham", 1_775_311_199, "2026-04-05 03:44 7");
        shows("Pacific/Chatham", 1_775_311_200, "2026-04-05 02:45 7");
        shows("Pacific/Chatham", 1_790_431_199, "2026-09-27 02:44 7");
        shows("Pacific/Chatham", 1_790_431_200, "2026-09-27 03:45 7");
        shows("Asia/Beirut", 1_774_735_199, "2026-03-28 23:59 6");
        shows("Asia/Beirut", 1_774_735_200, "2026-03-29 01:00 7");
        shows("Asia/Beirut", 1_792_875_599, "2026-10-24 23:59 6");
        shows("Asia/Beirut", 1_792_875_600, "2026-10-24 23:00 6");
    }

    #[test]
    fn days_are_counted_there_and_back() {
        for day in (-1_000_000..1_000_000).step_by(997) {
            let (year, month, of_month) = civil(day);
            assert_eq!(days(year, month, of_month), day);
        }
        assert_eq!((civil(0), civil(-1), civil(11_016)), ((1970, 1, 1), (1969, 12, 31), (2000, 2, 29)));
        // However far away, it is no reason to end.
        for now in [i64::MIN, i64::MAX] {
            WallClock::at(now);
            assert!(all().all(|zone| zone.clock(now).is_some()));
        }
    }
}
