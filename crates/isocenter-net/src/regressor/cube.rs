//! The CT as the regressor sees it: a cube about the pivot in the axes of the nominal camera.

use isocenter::geometry::RigidTransform;
use isocenter::volume::Volume;
use nalgebra::Vector3;
use rayon::prelude::*;

use super::config::RegressorConfig;

/// The values of the cube, i along the camera's x, k along its depth; 0 outside the CT.
///
/// # Shapes
/// [k, j, i], each [`RegressorConfig::cube_voxels`].
///
/// # Units
/// Those of the CT; the pivot in the world frame (mm).
#[must_use]
pub fn cube(
    relative_attenuation: &Volume<f32>,
    nominal_camera_from_world: &RigidTransform,
    pivot_world_mm: Vector3<f64>,
    config: &RegressorConfig,
) -> Vec<f32> {
    let (side, voxel_mm) = (config.cube_voxels(), config.voxel_mm());
    let middle = (side as f64 - 1.0) / 2.0;
    let world_from_camera = nominal_camera_from_world.rotation().transpose();
    let index_from_world = relative_attenuation.world_from_index().inverse();
    let value = |at: usize| {
        let index = [at % side, at / side % side, at / side / side];
        let arm = Vector3::from(index.map(|n| (n as f64 - middle) * voxel_mm));
        let place = index_from_world.point(pivot_world_mm + world_from_camera * arm);
        relative_attenuation.trilinear(place, |voxel| f64::from(voxel.unwrap_or(0.0))) as f32
    };
    (0..side.pow(3)).into_par_iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    //! Proves: a point of the CT lies in the cube where the nominal camera sees it, whatever the view.
    use isocenter::geometry::View;
    use isocenter::volume::Affine;

    use super::*;

    #[test]
    fn points_lie_where_the_camera_sees_them() {
        let config =
            RegressorConfig { size_px: [32, 32], cube_mm: 160.0, ..RegressorConfig::published() };
        let pivot = Vector3::new(5.0, -7.0, 11.0);
        // A linear function of the place in the world.
        let affine = Affine::from_spacing([9.0, 8.0, 7.0], [-140.0, -130.0, -110.0]).unwrap();
        let slope = Vector3::new(0.5, -0.25, 0.125);
        let empty = Volume::new([32, 32, 32], vec![0_u8; 32_768], affine).unwrap();
        let at = |n: usize| Vector3::from(empty.index_of(n).map(|n| n as f64));
        let values = (0..32_768).map(|n| slope.dot(&affine.point(at(n))) as f32).collect();
        let ct = Volume::new([32, 32, 32], values, affine).unwrap();
        for view in [View::AP, View::LATERAL_LEFT] {
            let nominal = view.camera_from_world(pivot, 700.0);
            let found = cube(&ct, &nominal, pivot, &config);
            assert_eq!(found.len(), 16 * 16 * 16);
            for (at, value) in found.iter().enumerate().step_by(37) {
                let index = [at % 16, at / 16 % 16, at / 256];
                let arm = Vector3::from(index.map(|n| (n as f64 - 7.5) * 10.0));
                let camera = nominal.point(pivot) + arm;
                let expected = slope.dot(&nominal.inverse().point(camera));
                assert!((f64::from(*value) - expected).abs() < 1e-4, "{value} {expected}");
            }
        }
    }
}
