use super::Lookup;
use std::hash::{Hash, Hasher};

/// A float as a key, by the total order of IEEE 754 (2008, §5.10): a NaN equals
/// itself bit by bit, and `-0.0` is another key than `0.0`.
///
/// Works for `f32` and `f64`, and for slices and vectors of them.
///
/// ```
/// use mementos::key::Total;
///
/// assert_eq!(Total(f64::NAN), Total(f64::NAN));
/// assert_ne!(Total(0.0_f64), Total(-0.0_f64));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Total<F>(
    /// The float, or the floats.
    pub F,
);

macro_rules! total_order {
    ($($float:ty)*) => { $(
        impl PartialEq for Total<$float> {
            #[inline]
            fn eq(&self, other: &Self) -> bool {
                self.0.to_bits() == other.0.to_bits()
            }
        }

        impl Eq for Total<$float> {}

        impl Hash for Total<$float> {
            #[inline]
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.0.to_bits().hash(state);
            }
        }

        impl Lookup<Total<$float>> for Total<$float> {
            #[inline]
            fn is(&self, key: &Total<$float>) -> bool {
                self == key
            }

            #[inline]
            fn to_key(&self) -> Total<$float> {
                *self
            }
        }

        impl Lookup<Total<$float>> for Total<&$float> {
            #[inline]
            fn is(&self, key: &Total<$float>) -> bool {
                Total(*self.0) == *key
            }

            #[inline]
            fn to_key(&self) -> Total<$float> {
                Total(*self.0)
            }
        }

        impl Hash for Total<&$float> {
            #[inline]
            fn hash<H: Hasher>(&self, state: &mut H) {
                Total(*self.0).hash(state);
            }
        }

        impl PartialEq for Total<Vec<$float>> {
            fn eq(&self, other: &Self) -> bool {
                Total(self.0.as_slice()).is(other)
            }
        }

        impl Eq for Total<Vec<$float>> {}

        impl Hash for Total<Vec<$float>> {
            fn hash<H: Hasher>(&self, state: &mut H) {
                Total(self.0.as_slice()).hash(state);
            }
        }

        impl Hash for Total<&[$float]> {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.0.len().hash(state);
                for float in self.0 {
                    float.to_bits().hash(state);
                }
            }
        }

        impl Lookup<Total<Vec<$float>>> for Total<&[$float]> {
            fn is(&self, key: &Total<Vec<$float>>) -> bool {
                self.0.len() == key.0.len()
                    && self.0.iter().zip(&key.0).all(|(a, b)| a.to_bits() == b.to_bits())
            }

            fn to_key(&self) -> Total<Vec<$float>> {
                Total(self.0.to_vec())
            }
        }
    )* };
}

total_order!(f32 f64);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Owned, hash_of};

    #[test]
    fn every_nan_equals_itself_and_zeros_keep_their_sign() {
        assert_eq!(Total(f32::NAN), Total(f32::NAN));
        assert_eq!(hash_of(&Total(f64::NAN)), hash_of(&Total(f64::NAN)));
        assert_ne!(Total(0.0_f64), Total(-0.0_f64));
    }

    #[test]
    fn a_slice_stands_for_its_vector() {
        let asked = Total(&[1.5_f64, f64::NAN][..]);
        let kept = asked.to_key();
        assert!(asked.is(&kept));
        assert!(!Total(&[1.5_f64][..]).is(&kept));
        assert_eq!(hash_of(&asked), hash_of(&Owned(kept)));
    }
}
