//! The share of webhooks that is lost, and how sure that is.

/// Half of what a 95 % interval leaves out.
const TAIL: f64 = 0.025;

/// Halvings of the interval in which a bound is sought: beyond the precision of the number.
const HALVINGS: u32 = 60;

/// Steps of the continued fraction; it converges in far fewer for every count that fits memory.
const FRACTION_STEPS: u32 = 20_000;

/// Share of webhooks lost, with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossRate {
    /// Changes found by reads that a webhook should have told.
    pub lost: u64,
    /// Changes told by webhooks, in the same groups and the same spans of time.
    pub told: u64,
    /// `lost / (lost + told)`.
    pub rate: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

/// The rate that these counts imply; `None` where nothing was counted.
///
/// The interval is Clopper's and Pearson's: it errs on the wide side, and holds for few losses too.
pub fn loss_rate(lost: u64, told: u64) -> Option<LossRate> {
    let all = lost.checked_add(told).filter(|all| *all > 0)?;
    let (k, n) = (lost as f64, all as f64);
    let low = if lost == 0 {
        0.0
    } else {
        beta_quantile(TAIL, k, n - k + 1.0)
    };
    let high = if told == 0 {
        1.0
    } else {
        beta_quantile(1.0 - TAIL, k + 1.0, n - k)
    };
    Some(LossRate {
        lost,
        told,
        rate: k / n,
        low,
        high,
    })
}

/// Where the beta distribution with `a` and `b` has the share `p` below it.
fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if beta(middle, a, b) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// The regularised incomplete beta function.
fn beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp();
    // The fraction converges on one side of the mean only.
    if x < (a + 1.0) / (a + b + 2.0) {
        front * fraction(x, a, b) / a
    } else {
        1.0 - front * fraction(1.0 - x, b, a) / b
    }
}

/// Lentz's evaluation of the continued fraction of the incomplete beta function.
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    let tiny = |value: f64| {
        if value.abs() < 1e-300 { 1e-300 } else { value }
    };
    let mut c = 1.0;
    let mut d = 1.0 / tiny(1.0 - (a + b) * x / (a + 1.0));
    let mut product = d;
    for step in 1..=FRACTION_STEPS {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / tiny(1.0 + term * d);
            c = tiny(1.0 + term / c);
            change = c * d;
            product *= change;
        }
        if (change - 1.0).abs() < 1e-14 {
            break;
        }
    }
    product
}

/// The logarithm of the gamma function by Lanczos' approximation (g = 7, nine terms): good to 15 digits for positive numbers.
fn ln_gamma(x: f64) -> f64 {
    const TERMS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let mut sum = 0.999_999_999_999_809_9;
    for (place, term) in (1..).zip(TERMS) {
        sum += term / (x + f64::from(place));
    }
    let t = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beta_function_is_what_it_is_for_whole_numbers() {
        // Sums of binomial probabilities: exact for whole `a` and `b`.
        let exact = |x: f64, a: i32, b: i32| {
            let n = a + b - 1;
            let mut choose = 1.0;
            let mut sum = 0.0;
            for k in 0..=n {
                if k >= a {
                    sum += choose * x.powi(k) * (1.0 - x).powi(n - k);
                }
                choose *= f64::from(n - k) / f64::from(k + 1);
            }
            sum
        };
        for (a, b) in [(1, 1), (1, 3), (2, 3), (5, 1), (7, 4), (30, 12)] {
            for x in [0.0, 1e-6, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0 - 1e-6, 1.0] {
                let (found, expected) = (beta(x, f64::from(a), f64::from(b)), exact(x, a, b));
                assert!(
                    (found - expected).abs() < 1e-12,
                    "of {x}, {a}, {b}: {found} and not {expected}"
                );
            }
        }
    }
}
