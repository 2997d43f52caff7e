//! Statistics of a series of numbers.

/// The value below which `part` (0 to 1) of the values lie.
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    assert!(!sorted.is_empty(), "nothing was measured");
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    let index = ((sorted.len() - 1) as f64 * part).round() as usize;
    sorted[index]
}

pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The median of the pairs' ratios. A disturbance that slows a whole round down cancels out.
pub fn ratio(values: &[f64], bases: &[f64]) -> f64 {
    let ratios: Vec<_> = values.iter().zip(bases).map(|(value, base)| value / base).collect();
    median(&ratios)
}

#[allow(clippy::cast_precision_loss)]
pub fn float(value: u64) -> f64 {
    value as f64
}

pub fn floats(values: &[u64]) -> Vec<f64> {
    values.iter().copied().map(float).collect()
}
