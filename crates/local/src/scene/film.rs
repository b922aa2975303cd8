//! A scene that moves: its layers are painted once, wider than the frame, and laid over one another at other places in
//! each frame.
//!
//! The eye moves slowly to one side: what is near moves past what is far. Clouds and fog drift, water ripples, snow and
//! rain fall.

mod falling;
mod layer;
mod ripples;

use motet_pipeline::Failure;

use super::Scene;
use super::canvas::{Canvas, Motion};
use super::composition;
use super::subject::Subject;
use super::title::Lettering;
use falling::Falling;
use layer::{Layer, Planes};
use ripples::Ripples;

/// The longest film of a scene, in seconds.
pub const LENGTH_MAX: f64 = 60.0;

/// How far the eye moves in a second and in all, as shares of the width: for what is nearest.
const EYE_A_SECOND: f32 = 0.011;
const EYE_MAX: f32 = 0.085;

/// The same for clouds overhead.
const CLOUDS_A_SECOND: f32 = 0.009;
const CLOUDS_MAX: f32 = 0.09;

/// The frames of a scene that moves.
///
/// ```
/// use motet_pipeline::{Value, value::Map};
/// use motet_local::scene::Scene;
/// let inputs = Map::from([
///     ("prompt".to_owned(), Value::from("waves at a rocky shore")),
///     ("width".to_owned(), Value::from(160_i64)),
///     ("length".to_owned(), Value::from(2.0)),
/// ]);
/// let film = Scene::from_inputs(&inputs)?.film(None)?;
/// assert_eq!((film.frames(), film.rate()), (50, 25));
/// assert_eq!(film.frame(7).len(), 160 * 90 * 3 / 2);
/// # Ok::<(), motet_pipeline::Failure>(())
/// ```
pub struct Film {
    width: usize,
    height: usize,
    frames: u64,
    rate: u32,
    layers: Vec<Layer>,
    falling: Option<Falling>,
    ripples: Ripples,
    /// How far the eye moves in all, in pixels of what is nearest; to the left if negative.
    way: f32,
    /// How far clouds overhead drift in all, in pixels.
    drift: f32,
}

impl Film {
    pub(super) fn of(scene: &Scene, font: Option<&[u8]>) -> Result<Film, Failure> {
        let (width, height) = (scene.width as usize, scene.height as usize);
        let lettering = match &scene.title {
            Some(title) => Some(Lettering::new(title, font, scene.width, scene.height)?),
            None => None,
        };
        let seconds = scene.length.unwrap_or(0.0) as f32;
        let reach = |a_second: f32, most: f32| width as f32 * (a_second * seconds).min(most);
        let (way, drift) = (reach(EYE_A_SECOND, EYE_MAX), reach(CLOUDS_A_SECOND, CLOUDS_MAX));
        // On either side there is as much as comes into view, and a little for ripples and rounding.
        let margin = 2 * (way.max(drift) / 4.0).ceil() as usize + 8;

        let subject = Subject::of(&scene.prompt);
        let mut canvas = Canvas::recording(width + 2 * margin, height);
        let (falling, side) = composition::paint_apart(&mut canvas, &subject, scene.seed);
        let mut layers: Vec<Layer> =
            canvas.take_layers().into_iter().map(|painted| Layer::of(painted, &canvas, margin)).collect();
        if let Some(lettering) = lettering {
            let mut canvas = canvas.cropped(margin, width);
            lettering.write(&mut canvas, scene.position);
            canvas.end_layer(Motion::Near(0.0));
            layers.extend(canvas.take_layers().into_iter().map(|painted| Layer::of(painted, &canvas, 0)));
        }
        Ok(Film {
            width,
            height,
            frames: scene.frames(),
            rate: scene.rate,
            layers,
            falling: falling.map(|what| Falling::of(what, width, height, scene.seed)),
            ripples: Ripples::new(scene.seed),
            way: way * side,
            drift: drift * side,
        })
    }

    /// How far to the right a row of a layer moves in all, in pixels.
    fn way_of(&self, motion: Motion, row: f32) -> f32 {
        match motion {
            Motion::Near(near) => self.way * near,
            Motion::Overhead { horizon } => self.drift * (1.0 - row / horizon).clamp(0.12, 1.0),
            Motion::Drift => self.drift,
            Motion::Water { top } => {
                let near = ((row - top) / (self.height as f32 - top).max(1.0)).clamp(0.0, 1.0);
                self.way * (0.12 + 0.88 * near)
            }
        }
    }

    /// How many frames there are.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Frames a second.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// One frame: brightness, then both differences of colour in half the width and height, a byte each, as video of
    /// limited range in the colours of HD.
    pub fn frame(&self, index: u64) -> Vec<u8> {
        let mut planes = Planes::new(self.width, self.height);
        let seconds = index as f32 / self.rate as f32;
        // From one end of the way to the other; still in the middle of it when there is no way.
        let along = (index as f32 + 0.5) / self.frames as f32 - 0.5;
        // Two rows have their colours in common.
        for row in (0..self.height).step_by(2) {
            let moved =
                |layer: &Layer| [row, row + 1].map(|row| along * self.way_of(layer.motion, row as f32));
            let hides = |layer: &Layer| layer.hides(row, moved(layer), self.width);
            let first = self.layers.iter().rposition(hides).unwrap_or(0);
            for layer in &self.layers[first..] {
                layer.lay(&mut planes, row, moved(layer), &self.ripples, seconds);
            }
        }
        if let Some(falling) = &self.falling {
            falling.lay(&mut planes, seconds);
        }
        planes.bytes
    }
}
