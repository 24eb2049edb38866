use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(1_800_000_000 + seconds)
}

/// The moments at which a flood that never stops gets a fetch.
fn fetches(seconds: i64) -> Vec<i64> {
    let mut search = RefetchBudget::new();
    let asked = (0..seconds).flat_map(|second| [second; 50]);
    asked.filter(|second| search.spend(at(*second))).collect()
}

#[test]
fn a_flood_gets_few_fetches_and_none_of_its_pauses_is_long() {
    //
    let day = fetches(24 * 3600);
    let longest = day.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert_eq!(i64::from(REFILL.get()), longest);
    assert_eq!(fetches(10).len(), 5);
    assert_eq!(fetches(60).len(), 10);
    assert_eq!(fetches(3600).len(), 364);
    assert!(day.len() as u32 <= BURST + 24 * 3600 / REFILL.get());
}

#[test]
fn what_is_spent_comes_back() {
    let mut search = RefetchBudget::new();
    for second in 0..60 {
        search.spend(at(second));
    }
    assert!(!search.spend(at(60)) || !search.spend(at(62)));
    let later = 60 + i64::from(BURST * REFILL.get());
    let burst = (0..BURST).filter(|number| search.spend(at(later + i64::from(number * SPACING.get())))).count();
    assert_eq!(burst as u32, BURST);
}

#[test]
fn a_clock_that_goes_back_stops_nothing() {
    let mut search = RefetchBudget::new();
    assert!(search.spend(at(1000)));
    assert!(search.spend(at(0)));
}

#[test]
fn a_key_id_that_is_not_there_is_remembered_for_a_while() {
    //
    let mut search = RefetchBudget::new();
    search.note_absent("k", at(0));
    for (kid, second, absent) in
        [("k", 0, true), ("k", 9, true), ("k", 10, false), ("K", 0, false), ("", 0, false), ("k", -1, false)]
    {
        assert_eq!(search.is_absent(kid, at(second)), absent, "{kid} {second}");
    }
    search.note_absent("l", at(5));
    search.note_absent("k", at(9));
    assert!(search.is_absent("k", at(18)) && !search.is_absent("l", at(18)));
}

#[test]
fn only_so_many_are_remembered() {
    //
    let mut search = RefetchBudget::new();
    for number in 0..10_000 {
        search.note_absent(&format!("random-{number}"), at(0));
    }
    assert_eq!(search.absent.len(), MAX_ABSENT);
    assert!(search.is_absent("random-9999", at(0)) && !search.is_absent("random-0", at(0)));
}
