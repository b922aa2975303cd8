//! Sine and exponential functions that give the same bits on every machine.
//!
//! The standard library's depend on the platform's C library in their last bits. These use only
//! addition, multiplication and rounding to whole numbers, which IEEE 754 fixes exactly.

/// The whole number at or below `x`, for what fits 32 bits. The standard library's is a call into
/// the C library on processors without an instruction for it; noise needs millions.
pub(crate) fn floor(x: f32) -> f32 {
    let cut = x as i32 as f32;
    if cut > x { cut - 1.0 } else { cut }
}

/// The sine of an angle in turns (1.0 is a full circle). Error below 0.00001.
pub(crate) fn sine(turns: f32) -> f32 {
    let folded = turns - floor(turns + 0.5);
    // To the quarter turn around zero, where the series is good.
    let quarter = if folded > 0.25 {
        0.5 - folded
    } else if folded < -0.25 {
        -0.5 - folded
    } else {
        folded
    };
    let angle = quarter * std::f32::consts::TAU;
    let square = angle * angle;
    angle
        * (1.0
            + square
                * (-0.166_666_67 + square * (0.008_333_33 + square * (-0.000_198_41 + square * 0.000_002_6))))
}

/// Two to the power of `exponent`. Relative error below 0.0001; 0 far below and huge far above.
pub(crate) fn power_of_two(exponent: f32) -> f32 {
    let exponent = exponent.clamp(-126.0, 126.0);
    let whole = floor(exponent);
    let part = exponent - whole;
    let mantissa = 1.0
        + part
            * (std::f32::consts::LN_2
                + part * (0.240_226_5 + part * (0.055_504_1 + part * (0.009_618_1 + part * 0.001_504_1))));
    f32::from_bits(((whole as i32 + 127) as u32) << 23) * mantissa
}

/// e to the power of `exponent`.
pub(crate) fn exponential(exponent: f32) -> f32 {
    power_of_two(exponent * std::f32::consts::LOG2_E)
}

/// From 0 at `low` to 1 at `high`, smoothly.
pub(crate) fn smooth_step(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// From `from` at 0 to `to` at 1, straight.
pub(crate) fn mix(from: f32, to: f32, t: f32) -> f32 {
    from + (to - from) * t
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_agree_with_the_standard_library() {
        for step in -4000..4000 {
            let x = step as f32 / 731.0;
            assert_eq!(floor(x), x.floor());
            assert!((sine(x) - (x * std::f32::consts::TAU).sin()).abs() < 1e-5, "sine({x})");
            assert!((power_of_two(x) / x.exp2() - 1.0).abs() < 1e-4, "power_of_two({x})");
            assert!((exponential(x) / x.exp() - 1.0).abs() < 1e-4, "exponential({x})");
        }
    }
}
