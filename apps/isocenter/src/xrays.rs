//! The X-rays of the command line: images, cameras, and how each is to be read.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use isocenter::geometry::Camera;
use isocenter::radiograph::{Image, Mask, PrepareConfig, PreparedXray};
use isocenter::register::Xray;
use isocenter_io::geometry::read_camera;

use crate::cli::XrayArgs;
use crate::commands::register::ReadXray;
use crate::input;

/// Reads the X-rays, each with its camera.
pub(crate) fn read_xrays(args: &XrayArgs, config: &PrepareConfig) -> Result<Vec<ReadXray>> {
    let (xrays, cameras) = (args.xray.len(), args.camera.len());
    ensure!(
        xrays == cameras,
        "--xray is given {xrays} times, --camera {cameras} times: each X-ray needs its camera, in the same order"
    );
    check_count("--flip", args.flip.len(), xrays)?;
    check_count("--xray-values", args.xray_values.len(), xrays)?;
    let read = |(n, (path, camera_path)): (usize, (&std::path::PathBuf, &std::path::PathBuf))| {
        let camera = read_camera(camera_path)?;
        let flip = of_each(&args.flip, n).unwrap_or_default();
        let values = of_each(&args.xray_values, n);
        let (prepared, values) = input::xray(path, values, flip, config)?;
        check_size(path, camera_path, &prepared.line_integral, &camera)?;
        let name = path.display().to_string();
        let remark = found(&prepared).map(|found| match xrays {
            1 => format!("X-ray: {found}"),
            _ => format!("X-ray {}: {found}", n + 1),
        });
        let xray = Xray::prepared(camera, prepared).with_context(|| name.clone())?;
        Ok(ReadXray { xray, values, flip, name, remark })
    };
    args.xray.iter().zip(&args.camera).enumerate().map(read).collect()
}

/// What was found in an X-ray and is left out of the comparison, in words.
fn found(prepared: &PreparedXray) -> Option<String> {
    let share = |mask: &Mask| 100.0 * mask.count() as f64 / mask.used().len() as f64;
    let field = prepared.field.as_ref().map(|f| format!("the field covers {:.0} %", share(f)));
    let metal = prepared.metal.as_ref().map(|m| format!("metal {:.1} %", share(m)));
    let curve =
        prepared.by_rank.then(|| "grey values of a display, their curve is found".to_owned());
    let parts: Vec<String> = [field, metal, curve].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// What is given once is for all.
fn of_each<T: Copy>(given: &[T], number: usize) -> Option<T> {
    given.get(number).or(given.first().filter(|_| given.len() == 1)).copied()
}

fn check_count(flag: &str, found: usize, xrays: usize) -> Result<()> {
    ensure!(
        found <= 1 || found == xrays,
        "{flag} is given {found} times for {xrays} X-rays: give it once for all, or once for each"
    );
    Ok(())
}

/// An X-ray that is not the camera's is found out before the CT is read.
fn check_size(xray_path: &Path, camera_path: &Path, xray: &Image, camera: &Camera) -> Result<()> {
    let ([columns, rows], [camera_columns, camera_rows]) = (xray.size_px(), camera.size_px());
    ensure!(
        xray.size_px() == camera.size_px(),
        "{}: the image has {columns} x {rows} pixels, {} says {camera_columns} x {camera_rows}: \
         use the camera of this image, or correct size_px",
        xray_path.display(),
        camera_path.display()
    );
    Ok(())
}
