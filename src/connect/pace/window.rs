//! [`Windows`]: one limit of a vendor, and how it stands, for all its calls or for each path by itself.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName};

use super::{http_date, retry_after};
use crate::connect::Error;
use crate::connect::call::At;
use crate::connect::manifest::link::{LimitSpec, ToldSpec};
use crate::types::Timestamp;

/// The longest a header can keep the hub from calling.
const LONGEST_REST: i64 = Timestamp::DAY;
/// Two headers that name times so near each other mean the same one.
const NEAR: i64 = 2 * Timestamp::SECOND;
/// A rate a vendor tells is no slower than the manifest's divided by this: a header does not bring a source to a stop.
const SLOWER: f64 = 50.0;
/// The fastest rate a vendor can tell; calls a second.
const FASTEST: f64 = 1e4;

/// One limit of a vendor.
#[derive(Clone, Debug)]
pub(in crate::connect) struct Limit {
    calls: f64,
    seconds: f64,
    burst: Option<f64>,
    paths: Vec<String>,
    each_path: bool,
    told: Told,
}

/// The headers that tell how it stands.
#[derive(Clone, Debug, Default)]
struct Told {
    used: Option<HeaderName>,
    remaining: Option<HeaderName>,
    reset: Option<HeaderName>,
    most: Option<HeaderName>,
    rate: Option<HeaderName>,
}

impl Limit {
    pub(in crate::connect) fn load(spec: LimitSpec, at: At<'_>) -> Result<Self, Error> {
        if !(spec.calls > 0.0 && spec.seconds > 0.0) {
            return Err(at.wrong("limits:", format!("{} calls in {} seconds is no window", spec.calls, spec.seconds)));
        }
        let told = spec.told.map(|told| Told::load(&told, spec.burst.is_some(), at)).transpose()?.unwrap_or_default();
        let LimitSpec { calls, seconds, burst, paths, each_path, .. } = spec;
        Ok(Self { calls, seconds, burst, paths, each_path, told })
    }

    /// The first of its paths that is none of these, and so would limit nothing.
    pub(in crate::connect) fn stray_path(&self, written: &HashSet<String>) -> Option<&str> {
        self.paths.iter().find(|path| !written.contains(*path)).map(String::as_str)
    }

    fn fresh(&self) -> Window {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a limit is a small number above zero"
        )]
        let kind = match self.burst {
            None => Kind::Sliding {
                most: (self.calls as usize).max(1),
                micros: (self.seconds * 1e6) as i64,
                made: VecDeque::new(),
            },
            Some(burst) => {
                let size = burst.max(1.0);
                Kind::Bucket { size, gain: self.calls / self.seconds, level: size, seen: None }
            }
        };
        Window { kind, left: None }
    }
}

impl Told {
    fn load(spec: &ToldSpec, is_bucket: bool, at: At<'_>) -> Result<Self, Error> {
        let header = |name: &Option<String>| {
            let read = |name: &String| {
                HeaderName::from_bytes(name.as_bytes()).map_err(|_| at.wrong(name, "this is no name of a header"))
            };
            name.as_ref().map(read).transpose()
        };
        let told = Self {
            used: header(&spec.used)?,
            remaining: header(&spec.remaining)?,
            reset: header(&spec.reset)?,
            most: header(&spec.most)?,
            rate: header(&spec.rate)?,
        };
        if told.used.is_none() && told.remaining.is_none() && told.most.is_none() && told.rate.is_none() {
            return Err(at.wrong("told:", "name a header: used, remaining, most or rate"));
        }
        if (told.used.is_some() || told.rate.is_some()) && !is_bucket {
            return Err(at.wrong("told:", "used and rate tell of a bucket; say with `burst` how large it is"));
        }
        if told.reset.is_some() && told.remaining.is_none() {
            return Err(at.wrong("reset:", "it says until when nothing is left; name the header for `remaining` too"));
        }
        Ok(told)
    }
}

/// How a limit stands.
#[derive(Debug)]
pub(super) struct Windows {
    limit: Limit,
    /// By path, where each has its own; else one, under no path.
    by_path: HashMap<String, Window>,
}

#[derive(Debug)]
struct Window {
    kind: Kind,
    /// Calls the vendor said are left, until when.
    left: Option<(f64, Timestamp)>,
}

#[derive(Debug)]
enum Kind {
    /// At most so many calls in any stretch of so many microseconds; the calls of the last one.
    Sliding { most: usize, micros: i64, made: VecDeque<Timestamp> },
    /// A bucket that fills evenly and holds what may be used at once after a rest.
    Bucket { size: f64, gain: f64, level: f64, seen: Option<Timestamp> },
}

impl Windows {
    pub(super) fn of(limit: &Limit) -> Self {
        Self { limit: limit.clone(), by_path: HashMap::new() }
    }

    /// How long until a call with this path may be made.
    pub(super) fn wait(&mut self, path: &str, now: Timestamp) -> Duration {
        self.window(path).map_or(Duration::ZERO, |window| window.wait(now))
    }

    /// A call with this path is made.
    pub(super) fn take(&mut self, path: &str, now: Timestamp) {
        if let Some(window) = self.window(path) {
            window.take(now);
        }
    }

    /// The reply to a call with this path came.
    pub(super) fn hear(&mut self, path: &str, headers: &HeaderMap, now: Timestamp) {
        let told = self.limit.told.clone();
        let slowest = (self.limit.calls / self.limit.seconds / SLOWER).min(FASTEST);
        if let Some(window) = self.window(path) {
            window.hear(&told, slowest, headers, now);
        }
    }

    /// That of a path; none if it is about others.
    fn window(&mut self, path: &str) -> Option<&mut Window> {
        if !self.limit.paths.is_empty() && !self.limit.paths.iter().any(|known| known == path) {
            return None;
        }
        let limit = &self.limit;
        let key = if limit.each_path { path } else { "" };
        // As many as the manifest writes paths.
        Some(self.by_path.entry(key.to_owned()).or_insert_with(|| limit.fresh()))
    }
}

impl Window {
    fn wait(&mut self, now: Timestamp) -> Duration {
        let duration = |micros: i64| Duration::from_micros(u64::try_from(micros).unwrap_or(0));
        self.left = self.left.filter(|(_, until)| *until > now);
        let rest = self.left.filter(|(left, _)| *left < 1.0).map_or(0, |(_, until)| until.micros() - now.micros());
        let own = match &mut self.kind {
            Kind::Sliding { most, micros, made } => {
                while made.front().is_some_and(|first| first.plus(*micros) <= now) {
                    made.pop_front();
                }
                // As many must have passed as are too many, should the vendor have said meanwhile that it allows fewer.
                let over = (made.len() + 1).saturating_sub(*most);
                let last = over.checked_sub(1).and_then(|over| made.get(over));
                duration(last.map_or(0, |last| last.plus(*micros).micros() - now.micros()))
            }
            Kind::Bucket { size, gain, level, seen } => {
                let before = seen.unwrap_or(now);
                #[expect(clippy::cast_precision_loss, reason = "a rate is no more exact than that")]
                let seconds = (now.micros() - before.micros()).max(0) as f64 / Timestamp::SECOND as f64;
                *level = (*level + seconds * *gain).min(*size);
                *seen = Some(before.max(now));
                Duration::from_secs_f64((1.0 - *level).max(0.0) / *gain)
            }
        };
        own.max(duration(rest))
    }

    fn take(&mut self, now: Timestamp) {
        match &mut self.kind {
            Kind::Sliding { made, .. } => made.push_back(now),
            Kind::Bucket { level, .. } => *level -= 1.0,
        }
        if let Some((left, _)) = &mut self.left {
            *left -= 1.0;
        }
    }

    fn hear(&mut self, told: &Told, slowest: f64, headers: &HeaderMap, now: Timestamp) {
        let text = |name: &Option<HeaderName>| headers.get(name.as_ref()?)?.to_str().ok().map(str::trim);
        let number = |name: &Option<HeaderName>| text(name).and_then(positive);
        // Bring the level up to date, so that what is told now is of now.
        self.wait(now);
        if let Some(most) = number(&told.most).filter(|most| *most >= 1.0) {
            self.resize(most);
        }
        let pair = text(&told.used).and_then(|text| text.split_once('/'));
        if let Some((used, most)) = pair.and_then(|(used, most)| Some((positive(used)?, positive(most)?)))
            && most >= 1.0
        {
            let grown = self.resize(most);
            if let Kind::Bucket { level, .. } = &mut self.kind {
                let left = (most - used).max(0.0);
                // Calls under way are not among those it counts.
                *level = if grown { left } else { level.min(left) };
            }
        }
        let rate = number(&told.rate).filter(|rate| *rate > 0.0);
        if let (Some(rate), Kind::Bucket { gain, .. }) = (rate, &mut self.kind) {
            *gain = rate.clamp(slowest, FASTEST);
        }
        if let Some(left) = number(&told.remaining) {
            let until = text(&told.reset).and_then(|text| reset(text, now));
            let until = until.unwrap_or_else(|| now.plus(self.length())).min(now.plus(LONGEST_REST));
            self.left = Some(match self.left {
                Some((known, before)) if (before.micros() - until.micros()).abs() <= NEAR => (known.min(left), before),
                _ => (left, until),
            });
        }
    }

    /// The vendor allows another number of calls. True if it is another one.
    fn resize(&mut self, told: f64) -> bool {
        match &mut self.kind {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is one at least, and cut off"
            )]
            Kind::Sliding { most, .. } => {
                let told = told.min(1e6) as usize;
                std::mem::replace(most, told) != told
            }
            Kind::Bucket { size, gain, level, .. } => {
                let told = told.min(1e6);
                let (factor, same) = (told / *size, (told - *size).abs() < 0.5);
                if !same {
                    (*size, *gain, *level) = (told, *gain * factor, (*level * factor).min(told));
                }
                !same
            }
        }
    }

    /// How long it is, where the vendor does not say until when nothing is left.
    fn length(&self) -> i64 {
        #[expect(clippy::cast_possible_truncation, reason = "a time of hours at most")]
        match &self.kind {
            Kind::Sliding { micros, .. } => *micros,
            Kind::Bucket { gain, .. } => (1e6 / *gain) as i64,
        }
    }
}

fn positive(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0)
}

/// When calls are allowed again.
fn reset(text: &str, now: Timestamp) -> Option<Timestamp> {
    #[expect(clippy::cast_possible_truncation, reason = "far off is far off")]
    let at = |seconds: f64| Timestamp::from_micros((seconds * 1e6) as i64);
    match positive(text) {
        Some(millis) if millis > 1e11 => Some(at(millis / 1e3)),
        Some(seconds) if seconds > 1e9 => Some(at(seconds)),
        Some(_) => retry_after(text, now).map(|wait| now.plus(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX))),
        None => http_date(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_795_262_400_000_000);

    fn windows(text: &str) -> Windows {
        let spec: LimitSpec = yaml_serde::from_str(text).unwrap();
        let file = format!("{text} /a /b");
        Windows::of(&Limit::load(spec, At::of("x.yaml", &file)).unwrap())
    }

    fn heard(windows: &mut Windows, pairs: &[(&'static str, &str)], now: Timestamp) {
        let pairs = pairs.iter().map(|(name, text)| (HeaderName::from_static(name), text.parse().unwrap()));
        windows.hear("/a", &pairs.collect(), now);
    }

    fn made(windows: &mut Windows, path: &str, now: Timestamp) -> usize {
        (0..1_000).take_while(|_| windows.wait(path, now).is_zero().then(|| windows.take(path, now)).is_some()).count()
    }

    #[test]
    fn a_window_is_of_the_paths_it_names_and_of_each_by_itself() {
        let mut one = windows("{calls: 2, seconds: 1, paths: [/a]}");
        assert_eq!((made(&mut one, "/a", NOW), made(&mut one, "/b", NOW)), (2, 1_000));
        let mut each = windows("{calls: 2, seconds: 1, each_path: true}");
        assert_eq!((made(&mut each, "/a", NOW), made(&mut each, "/b", NOW), made(&mut each, "/a", NOW)), (2, 2, 0));
        let mut all = windows("{calls: 2, seconds: 1}");
        assert_eq!((made(&mut all, "/a", NOW), made(&mut all, "/b", NOW)), (2, 0));
    }

    #[test]
    fn a_bucket_is_as_full_and_as_large_as_the_vendor_says() {
        let mut bucket = windows("{calls: 2, seconds: 1, burst: 40, told: {used: x-limit}}");
        heard(&mut bucket, &[("x-limit", "38/40")], NOW);
        assert_eq!(made(&mut bucket, "/a", NOW), 2);
        // A larger one empties in the same time.
        heard(&mut bucket, &[("x-limit", "390/400")], NOW);
        assert_eq!(made(&mut bucket, "/a", NOW), 10);
        assert_eq!(made(&mut bucket, "/a", NOW.plus(Timestamp::SECOND)), 20);
        for nonsense in ["", "40", "a/b", "5/0", "-1/40", "NaN/NaN"] {
            heard(&mut bucket, &[("x-limit", nonsense)], NOW);
        }
        assert_eq!(made(&mut bucket, "/a", NOW.plus(2 * Timestamp::SECOND)), 20);
    }

    #[test]
    fn a_bucket_gains_what_the_vendor_says() {
        let mut bucket = windows("{calls: 0.0056, seconds: 1, burst: 20, told: {rate: x-rate}}");
        assert_eq!(made(&mut bucket, "/a", NOW), 20);
        heard(&mut bucket, &[("x-rate", "0.5")], NOW);
        assert_eq!(bucket.wait("/a", NOW).as_secs(), 2);
        for nonsense in ["none", "0", "0.0", "-1", "NaN"] {
            heard(&mut bucket, &[("x-rate", nonsense)], NOW);
            assert_eq!(bucket.wait("/a", NOW).as_secs(), 2, "{nonsense}");
        }
        let mut bucket = windows("{calls: 1, seconds: 1, burst: 1, told: {rate: x-rate}}");
        assert_eq!(made(&mut bucket, "/a", NOW), 1);
        heard(&mut bucket, &[("x-rate", "0.000001")], NOW);
        assert_eq!(bucket.wait("/a", NOW).as_secs(), 50);
    }

    #[test]
    fn nothing_is_called_when_nothing_is_left() {
        for (reset, seconds) in
            [("37", 37), ("1795262437", 37), ("1795262437000", 37), ("Sat, 21 Nov 2026 12:00:37 GMT", 37), ("x", 60)]
        {
            let mut window =
                windows("{calls: 100, seconds: 60, told: {remaining: x-left, reset: x-reset, most: x-most}}");
            heard(&mut window, &[("x-left", "2"), ("x-reset", reset)], NOW);
            // An answer that was under way knows less.
            heard(&mut window, &[("x-left", "3"), ("x-reset", reset)], NOW);
            assert_eq!(made(&mut window, "/a", NOW), 2, "{reset}");
            assert_eq!(window.wait("/a", NOW).as_secs(), seconds, "{reset}");
            let later = NOW.plus(i64::try_from(seconds).unwrap() * Timestamp::SECOND);
            assert_eq!(made(&mut window, "/a", later), if seconds == 60 { 100 } else { 98 }, "{reset}");
        }
        // No header makes it rest for ever, and a smaller window is kept to.
        let mut window = windows("{calls: 100, seconds: 60, told: {remaining: x-left, reset: x-reset, most: x-most}}");
        heard(&mut window, &[("x-left", "0"), ("x-reset", "99999999")], NOW);
        assert_eq!(window.wait("/a", NOW).as_secs(), 86_400);
        heard(&mut window, &[("x-left", "90"), ("x-reset", "60"), ("x-most", "5")], NOW);
        assert_eq!(made(&mut window, "/a", NOW), 5);
    }

    #[test]
    fn what_is_written_wrongly_is_named_with_what_to_write() {
        for (text, told) in [
            ("{calls: 0, seconds: 1}", "is no window"),
            ("{calls: 1, seconds: 1, told: {}}", "name a header"),
            ("{calls: 1, seconds: 1, told: {used: x}}", "say with `burst`"),
            ("{calls: 1, seconds: 1, told: {most: x, reset: y}}", "name the header for `remaining`"),
            ("{calls: 1, seconds: 1, told: {most: 'x y'}}", "no name of a header"),
        ] {
            let spec: LimitSpec = yaml_serde::from_str(text).unwrap();
            let error = Limit::load(spec, At::of("x.yaml", text)).err().unwrap().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
