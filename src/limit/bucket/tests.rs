use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

fn allowance(requests: u32, period: u32, burst: u32) -> Allowance {
    Allowance::new(requests, Seconds::new(period), burst).unwrap()
}

/// How many of `count` requests at `now` are let through.
fn let_through(bucket: &mut Bucket, allowance: &Allowance, now: Timestamp, count: u32) -> usize {
    (0..count).filter(|_| bucket.draw(allowance, now).admitted).count()
}

/// What would come of asking once more.
fn asked(mut bucket: Bucket, allowance: &Allowance, now: Timestamp) -> Drawn {
    bucket.draw(allowance, now)
}

#[test]
fn a_burst_passes_and_then_what_time_earns() {
    let ten_a_minute = allowance(10, 60, 3);
    let mut bucket = Bucket::full(NOW);
    assert_eq!(let_through(&mut bucket, &ten_a_minute, NOW, 100), 3);
    assert_eq!(let_through(&mut bucket, &ten_a_minute, NOW.plus(Seconds::new(5)), 100), 0);
    assert_eq!(let_through(&mut bucket, &ten_a_minute, NOW.plus(Seconds::new(6)), 100), 1);
    assert_eq!(let_through(&mut bucket, &ten_a_minute, NOW.plus(Seconds::hours(1)), 100), 3);
}

#[test]
fn the_caller_is_told_what_is_left_and_when_there_is_more() {
    let ten_a_minute = allowance(10, 60, 3);
    let mut bucket = Bucket::full(NOW);
    let told = |admitted, remaining, next| Drawn { admitted, remaining, next: Seconds::new(next) };
    assert_eq!(bucket.draw(&ten_a_minute, NOW), told(true, 2, 6));
    assert_eq!(bucket.draw(&ten_a_minute, NOW.plus(Seconds::new(2))), told(true, 1, 4));
    assert_eq!(bucket.draw(&ten_a_minute, NOW.plus(Seconds::new(2))), told(true, 0, 4));
    assert_eq!(bucket.draw(&ten_a_minute, NOW.plus(Seconds::new(2))), told(false, 0, 4));
    assert_eq!(bucket.full_at(&ten_a_minute), NOW.plus(Seconds::new(18)));
}

#[test]
fn a_rate_that_seconds_do_not_divide_loses_nothing() {
    // Seven a minute: not one every nine seconds.
    let seven_a_minute = allowance(7, 60, 2);
    let mut bucket = Bucket::full(NOW);
    let passed: usize =
        (0..600).map(|second| let_through(&mut bucket, &seven_a_minute, NOW.plus(Seconds::new(second)), 1)).sum();
    assert_eq!(passed, 71);
}

#[test]
fn the_largest_allowance_overflows_nothing() {
    let most = allowance(MOST_REQUESTS, LONGEST_PERIOD.get(), MOST_REQUESTS);
    let mut bucket = Bucket::kept(u64::MAX, Timestamp::from_unix(i64::MIN));
    assert!(bucket.draw(&most, Timestamp::from_unix(i64::MAX)).admitted);
    let mut bucket = Bucket::kept(u64::MAX, NOW);
    assert!(!bucket.draw(&most, NOW).admitted);
    assert_eq!(bucket.full_at(&most), NOW.plus(LONGEST_PERIOD));
    let slowest = allowance(1, LONGEST_PERIOD.get(), MOST_REQUESTS);
    assert_eq!(slowest.refill(), Seconds::new(u32::MAX));
}

#[test]
fn an_allowance_of_nothing_or_of_too_much_is_none() {
    for (requests, period, burst) in
        [(0, 1, 1), (1, 0, 1), (1, 1, 0), (MOST_REQUESTS + 1, 1, 1), (1, 86_401, 1), (1, 1, MOST_REQUESTS + 1)]
    {
        assert_eq!(Allowance::new(requests, Seconds::new(period), burst), None);
    }
}

prop_compose! {
    fn allowances()(requests in 1_u32..200, period in 1_u32..200, burst in 1_u32..50) -> Allowance {
        allowance(requests, period, burst)
    }
}

proptest! {
    /// In no window, wherever it begins, is more let through than a burst and what the time in it earns. The clock may
    /// go back: then the time that counts is the latest that was seen.
    #[test]
    fn no_window_lets_more_through_than_is_allowed(
        allowance in allowances(),
        steps in prop::collection::vec((-20_i64..40, 1_u32..20), 1..60),
    ) {
        let (mut bucket, mut now, mut latest) = (Bucket::full(NOW), NOW.as_unix(), NOW.as_unix());
        let mut passed: Vec<i64> = Vec::new();
        for (seconds, requests) in steps {
            now += seconds;
            latest = latest.max(now);
            let count = let_through(&mut bucket, &allowance, Timestamp::from_unix(now), requests);
            passed.extend(std::iter::repeat_n(latest, count));
        }
        for (index, from) in passed.iter().enumerate() {
            for (before, to) in passed.iter().skip(index).enumerate() {
                let earned = (to - from) * i64::from(allowance.requests()) / i64::from(allowance.period().get());
                prop_assert!((before as i64) < i64::from(allowance.burst()) + earned);
            }
        }
    }

    /// A refusal holds for as long as it says and no longer, and a bucket that may be forgotten is as good as a full one.
    #[test]
    fn who_waits_as_long_as_told_is_let_through(
        allowance in allowances(),
        steps in prop::collection::vec((0_i64..40, 1_u32..20), 1..30),
    ) {
        let (mut bucket, mut now) = (Bucket::full(NOW), NOW);
        for (seconds, requests) in steps {
            now = Timestamp::from_unix(now.as_unix() + seconds);
            for _ in 0..requests {
                let drawn = bucket.draw(&allowance, now);
                prop_assert!(drawn.next > Seconds::new(0));
                if !drawn.admitted {
                    prop_assert!(!asked(bucket, &allowance, now.plus(drawn.next).minus(Seconds::new(1))).admitted);
                    prop_assert!(asked(bucket, &allowance, now.plus(drawn.next)).admitted);
                }
                let full_at = bucket.full_at(&allowance);
                prop_assert_eq!(
                    asked(bucket, &allowance, full_at),
                    asked(Bucket::full(full_at), &allowance, full_at)
                );
            }
        }
    }

    /// What was kept under other rules, or spoilt, is a bucket like any other.
    #[test]
    fn no_bucket_makes_it_panic(
        allowance in allowances(),
        (debt, at, now) in (any::<u64>(), any::<i64>(), any::<i64>()),
    ) {
        let mut bucket = Bucket::kept(debt, Timestamp::from_unix(at));
        let drawn = bucket.draw(&allowance, Timestamp::from_unix(now));
        prop_assert!(drawn.remaining <= allowance.burst());
        prop_assert!(bucket.full_at(&allowance) >= bucket.at());
    }
}
