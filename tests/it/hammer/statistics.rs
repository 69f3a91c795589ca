//! Two samples: can they come from one distribution?

/// Mann–Whitney and Kolmogorov–Smirnov of two samples, with the medians.
#[derive(Clone, Copy, Debug)]
pub struct Comparison {
    /// The chance of ranks at least this different, if there is no difference (two-sided, by the normal approximation).
    pub rank_p: f64,
    /// The largest distance of the two empirical distributions.
    pub distance: f64,
    /// The chance of a distance at least this large, if there is no difference (asymptotic).
    pub distance_p: f64,
    pub medians: (f64, f64),
}

impl Comparison {
    /// Of two samples of at least 20 values each.
    pub fn of(one: &[f64], other: &[f64]) -> Self {
        let (mut a, mut b) = (one.to_vec(), other.to_vec());
        a.sort_by(f64::total_cmp);
        b.sort_by(f64::total_cmp);
        let (distance, distance_p) = kolmogorov_smirnov(&a, &b);
        Self { rank_p: mann_whitney(&a, &b), distance, distance_p, medians: (median(&a), median(&b)) }
    }
}

/// The middle of sorted values.
pub fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

fn mann_whitney(a: &[f64], b: &[f64]) -> f64 {
    let mut all: Vec<(f64, bool)> = a.iter().map(|x| (*x, true)).chain(b.iter().map(|x| (*x, false))).collect();
    all.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (mut ranks, mut ties, mut at) = (0.0, 0.0, 0);
    while at < all.len() {
        let end = at + all[at..].iter().take_while(|(value, _)| value.total_cmp(&all[at].0).is_eq()).count();
        // Equal values share the middle of their ranks.
        let rank = (count(at) + count(end) + 1.0) / 2.0;
        ranks += rank * count(all[at..end].iter().filter(|(_, of_a)| *of_a).count());
        let tied = count(end - at);
        ties += tied.powi(3) - tied;
        at = end;
    }
    let (n, m) = (count(a.len()), count(b.len()));
    let u = ranks - n * (n + 1.0) / 2.0;
    let total = n + m;
    let variance = n * m / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)));
    if variance <= 0.0 { 1.0 } else { two_sided((u - n * m / 2.0) / variance.sqrt()) }
}

fn kolmogorov_smirnov(a: &[f64], b: &[f64]) -> (f64, f64) {
    let (mut i, mut j, mut distance) = (0, 0, 0.0_f64);
    while i < a.len() && j < b.len() {
        let value = a[i].min(b[j]);
        i += a[i..].iter().take_while(|x| **x <= value).count();
        j += b[j..].iter().take_while(|x| **x <= value).count();
        distance = distance.max((count(i) / count(a.len()) - count(j) / count(b.len())).abs());
    }
    let effective = (count(a.len()) * count(b.len()) / count(a.len() + b.len())).sqrt();
    let lambda = (effective + 0.12 + 0.11 / effective) * distance;
    if lambda < 0.2 {
        return (distance, 1.0);
    }
    let term = |k: i32| (if k % 2 == 1 { 2.0 } else { -2.0 }) * (-2.0 * f64::from(k * k) * lambda * lambda).exp();
    (distance, (1..=100).map(term).sum::<f64>().clamp(0.0, 1.0))
}

/// The chance of a normal deviate at least this far out, by the rational approximation 7.1.26 of Abramowitz and Stegun
/// (error below 1.5e-7).
fn two_sided(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let coefficients = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    let series = coefficients.iter().fold(0.0, |sum, coefficient| (sum + coefficient) * t);
    (series * (-x * x).exp()).clamp(0.0, 1.0)
}

fn count(items: usize) -> f64 {
    f64::from(u32::try_from(items).unwrap())
}

mod tests {
    use super::*;
    use crate::clock_and_chance::SeededChance;

    fn sample(seed: u64, shift: f64) -> Vec<f64> {
        let chance = SeededChance::of(seed);
        (0..2_000).map(|_| count(chance.below(1_000)) + count(chance.below(1_000)) + shift).collect()
    }

    #[test]
    fn tables_are_met() {
        assert!((two_sided(1.959_964) - 0.05).abs() < 1e-5 && (two_sided(0.0) - 1.0).abs() < 1e-6);
        // Worked by hand: U = 0 of 3 and 3.
        assert!((mann_whitney(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]) - 0.0495).abs() < 1e-3);
        assert!((mann_whitney(&[1.0; 9], &[1.0; 9]) - 1.0).abs() < 1e-9);
        // The critical distance of two samples of 2,000 at 5 %: 1.358 times the square root of 2 / 2000.
        let even: Vec<f64> = (0..2_000).map(count).collect();
        let moved: Vec<f64> = even.iter().map(|x| x + 85.9).collect();
        let (distance, p) = kolmogorov_smirnov(&even, &moved);
        assert!((distance - 0.043).abs() < 1e-3 && (p - 0.05).abs() < 5e-3, "{distance} {p}");
    }

    #[test]
    fn equal_samples_pass_and_a_planted_difference_is_seen() {
        let alike = Comparison::of(&sample(1, 0.0), &sample(2, 0.0));
        assert!(alike.rank_p > 0.01 && alike.distance_p > 0.01, "{alike:?}");
        let moved = Comparison::of(&sample(1, 0.0), &sample(2, 90.0));
        assert!(moved.rank_p < 1e-4 && moved.distance_p < 1e-3, "{moved:?}");
        assert!((moved.medians.1 - moved.medians.0 - 90.0).abs() < 60.0);
        let wider: Vec<f64> = sample(3, -1_000.0).iter().map(|x| x * 1.5).collect();
        let wider = Comparison::of(&sample(1, -1_000.0), &wider);
        assert!(wider.distance_p < 1e-4, "the same middle and another width: {wider:?}");
    }
}
