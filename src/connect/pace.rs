//! How fast a vendor may be called, and how long to wait after it failed.

mod lane;
mod window;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
pub(super) use lane::{Issued, Lane, Turn, login};
use reqwest::header::HeaderMap;
pub(super) use window::Limit;
use window::Windows;

use super::link::{Link, Parameters};
use crate::types::{Entropy, SourceNo, Timestamp};

/// Waits. An argument, so that tests own the time.
pub trait Pause: Send + Sync {
    /// Ends after `time`.
    fn pause(&self, time: Duration) -> BoxFuture<'static, ()>;
}

/// Waits by the machine's timer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timer;

impl Pause for Timer {
    fn pause(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}

/// How fast the vendors of this process's sources are called: a sync, a push, an erasure and a test of one source share its windows.
#[derive(Clone, Default)]
pub struct Paces(Arc<Mutex<Roads>>);

#[derive(Default)]
struct Roads {
    lanes: Lanes,
    windows: Common,
}

/// By the name of the connector, the source or what several have in common, and what it shares of windows: other credentials may be
/// those of another program.
type Lanes = HashMap<(String, Whose, Vec<Option<[u8; 32]>>), Arc<Lane>>;

/// Windows that several lanes have in common: by the name of the connector, the place of the limit, and what it is they share.
type Common = HashMap<(String, usize, [u8; 32]), Shared>;

/// The windows of one limit.
type Shared = Arc<Mutex<Windows>>;

/// Whose windows they are.
#[derive(PartialEq, Eq, Hash)]
enum Whose {
    Source(SourceNo),
    Several([u8; 32]),
}

impl Paces {
    /// That of a source with this connector, where these parameters were entered.
    pub(super) fn of(&self, source: SourceNo, connector: &str, link: &Link, entered: &Parameters) -> Arc<Lane> {
        let whose = link.limited_with(entered).map_or(Whose::Source(source), Whose::Several);
        let with = link.each_limited_with(entered);
        let mut roads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Roads { lanes, windows } = &mut *roads;
        let new = || {
            let limits = link.limits.iter().zip(&with).enumerate();
            let windows = limits.map(|(place, (limit, with))| match with {
                Some(with) => {
                    windows.entry((connector.to_owned(), place, *with)).or_insert_with(|| fresh(limit)).clone()
                }
                None => fresh(limit),
            });
            Arc::new(Lane::with(link, Pace::of(windows.collect())))
        };
        lanes.entry((connector.to_owned(), whose, with.clone())).or_insert_with(new).clone()
    }
}

fn fresh(limit: &Limit) -> Shared {
    Arc::new(Mutex::new(Windows::of(limit)))
}

/// The vendor's windows; all hold at once. Of one that is shared the calls of others count as well.
#[derive(Debug)]
pub(super) struct Pace {
    windows: Vec<Shared>,
    /// Nothing is called before.
    held: Timestamp,
}

impl Pace {
    pub(super) fn new(limits: &[Limit]) -> Self {
        Self::of(limits.iter().map(fresh).collect())
    }

    const fn of(windows: Vec<Shared>) -> Self {
        Self { windows, held: Timestamp::UNSET }
    }

    /// All of them, always in the order of the manifest: whoever shares some of them takes them in the same.
    fn all(&self) -> Vec<MutexGuard<'_, Windows>> {
        self.windows.iter().map(|windows| windows.lock().unwrap_or_else(PoisonError::into_inner)).collect()
    }

    /// Makes no call for so long, because the vendor said how much of what it allows is used.
    pub(super) fn hold(&mut self, now: Timestamp, time: Duration) {
        let until = now.plus(i64::try_from(time.as_micros()).unwrap_or(i64::MAX));
        self.held = self.held.max(until);
    }

    /// Takes one call with this path out of every window if all have one; else says how long to wait.
    pub(super) fn take(&self, path: &str, now: Timestamp) -> Option<Duration> {
        let held = Duration::from_micros(u64::try_from(self.held.micros().saturating_sub(now.micros())).unwrap_or(0));
        let mut all = self.all();
        let wait = all.iter_mut().map(|windows| windows.wait(path, now)).fold(held, Duration::max);
        if !wait.is_zero() {
            // A little more, so that a rounded clock does not ask twice.
            return Some(wait + Duration::from_millis(1));
        }
        all.iter_mut().for_each(|windows| windows.take(path, now));
        None
    }

    /// The reply to a call with this path tells how they stand.
    pub(super) fn hear(&self, path: &str, headers: &HeaderMap, now: Timestamp) {
        self.all().iter_mut().for_each(|windows| windows.hear(path, headers, now));
    }
}

/// The longest pause after a failure.
const LONGEST: Duration = Duration::from_secs(60);

/// The pause after the failure number `failed` (from 0): twice as long each time, and no two callers the same.
pub(super) fn back_off(failed: u32, entropy: &dyn Entropy) -> Duration {
    let whole = Duration::from_secs(1).saturating_mul(2_u32.saturating_pow(failed)).min(LONGEST);
    let mut chance = [0];
    // Without randomness the pause is whole; that is no reason to fail.
    let part = if entropy.fill(&mut chance).is_ok() { f64::from(chance[0]) / 255.0 } else { 1.0 };
    whole.mul_f64(part.mul_add(0.5, 0.5))
}

/// How long a header says to wait: seconds, with a fraction perhaps, or a date (RFC 9110, 10.2.3).
pub(super) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse::<f64>() {
        return Duration::try_from_secs_f64(seconds.max(0.0)).ok();
    }
    let micros = http_date(value)?.micros() - now.micros();
    Some(Duration::from_micros(u64::try_from(micros).unwrap_or(0)))
}

/// A date of HTTP: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) fn http_date(value: &str) -> Option<Timestamp> {
    let time = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value.trim()).ok()?;
    Some(Timestamp::from_micros(time.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::call::At;
    use crate::connect::manifest::link::LimitSpec;

    const fn at(millis: i64) -> Timestamp {
        Timestamp::from_micros(1_000_000_000_000_000 + millis * 1_000)
    }

    fn pace(limits: &str) -> Pace {
        let specs: Vec<LimitSpec> = yaml_serde::from_str(limits).unwrap();
        let limits = specs.into_iter().map(|spec| Limit::load(spec, At::of("x.yaml", limits)).unwrap());
        Pace::new(&limits.collect::<Vec<_>>())
    }

    #[test]
    fn all_windows_hold_at_once() {
        let pace = pace("[{calls: 2, seconds: 1}, {calls: 3, seconds: 60}]");
        assert_eq!((pace.take("", at(0)), pace.take("", at(0))), (None, None));
        let wait = pace.take("", at(0)).unwrap();
        assert!(wait >= Duration::from_secs(1) && wait < Duration::from_millis(1010), "{wait:?}");
        assert!(pace.take("", at(999)).is_some());
        assert_eq!(pace.take("", at(1000)), None);
        assert!(pace.take("", at(1001)).unwrap() > Duration::from_secs(58), "the second window is used up");
        assert_eq!(pace.take("", at(60_000)), None);
    }

    /// The lanes of sources of a shop with these limits, whose programs and users have keys.
    fn lanes(limits: &str) -> impl Fn(i32, &str) -> Arc<Lane> {
        let manifest = format!(
            "name: shop\ntitle: Shop\ndocs: none\nsource_policy: {{purposes_allowed: all}}\nstreams: {{}}\nconnection:\n  guide: none\n  \
             parameters: {{program: {{title: Program}}, user: {{title: User}}}}\n  base_url: https://shop.example\n  \
             hosts: [shop.example]\n  {limits}\n  test: {{request: {{path: /}}}}\n"
        );
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("shop")).unwrap();
        std::fs::write(directory.path().join("shop/manifest.yaml"), manifest).unwrap();
        let catalog = crate::connect::Catalog::read(directory.path()).unwrap();
        let paces = Paces::default();
        move |source, program| {
            let link = catalog.connector("shop").unwrap().link().unwrap();
            let entered =
                [("program", program), ("user", "x")].map(|(name, value)| (name.to_owned(), value.to_owned()));
            paces.of(SourceNo(source), "shop", link, &entered.into())
        }
    }

    #[test]
    fn sources_of_one_program_share_its_windows() {
        let lane = lanes("limits: [{calls: 2, seconds: 1}]\n  limits_of: \"{program}\"");
        let (one, other) = (lane(1, "a"), lane(2, "a"));
        assert!(Arc::ptr_eq(&one, &other) && !Arc::ptr_eq(&one, &lane(3, "b")));
        assert_eq!((one.take("", at(0)), other.take("", at(0))), (None, None));
        assert!(one.take("", at(0)).is_some());
    }

    #[test]
    fn a_window_of_a_program_stands_beside_those_of_its_accounts() {
        let lane = lanes("limits: [{calls: 2, seconds: 1}, {calls: 3, seconds: 1, of: \"{program}\"}]");
        let (one, other, stranger) = (lane(1, "a"), lane(2, "a"), lane(3, "b"));
        assert!(!Arc::ptr_eq(&one, &other) && Arc::ptr_eq(&one, &lane(1, "a")));
        assert_eq!((one.take("", at(0)), one.take("", at(0))), (None, None));
        assert!(one.take("", at(0)).is_some(), "the account's own window is used up");
        assert_eq!(other.take("", at(0)), None, "another account has its own");
        assert!(other.take("", at(0)).is_some(), "and both together the program's");
        assert_eq!((stranger.take("", at(0)), stranger.take("", at(0))), (None, None), "another program");
        // A source that is entered anew with the key of another program is counted there.
        let moved = lane(2, "b");
        assert!(!Arc::ptr_eq(&moved, &other));
        assert_eq!(moved.take("", at(1)), None);
        assert!(moved.take("", at(1)).is_some());
    }

    #[test]
    fn a_slow_vendor_with_a_burst() {
        let pace = pace("[{calls: 0.0056, seconds: 1, burst: 20}]");
        assert!((0..20).all(|_| pace.take("", at(0)).is_none()));
        let wait = pace.take("", at(0)).unwrap().as_secs();
        assert!((178..180).contains(&wait), "{wait}");
    }

    #[test]
    fn a_vendor_says_how_long() {
        let now = Timestamp::parse("1994-11-06T08:49:00Z").unwrap();
        assert_eq!(retry_after("2", now), Some(Duration::from_secs(2)));
        assert_eq!(retry_after("0.5", now), Some(Duration::from_millis(500)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(Duration::from_secs(37)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:40:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("soon", now), None);
    }

    #[test]
    fn the_pause_grows_and_ends_growing() {
        struct Fixed(u8);
        impl Entropy for Fixed {
            fn fill(&self, bytes: &mut [u8]) -> Result<(), crate::types::EntropyFailure> {
                bytes.fill(self.0);
                Ok(())
            }
        }
        assert_eq!(back_off(0, &Fixed(255)), Duration::from_secs(1));
        assert_eq!(back_off(3, &Fixed(0)), Duration::from_secs(4));
        assert_eq!(back_off(40, &Fixed(255)), LONGEST);
    }
}
