/** Telling black pictures from others, by a few samples of each. */

/** Each picture is made so many pixels wide and high for that. */
export const BLACK_SAMPLE = 8

/** Broadcast black is 16 of 255 and has noise; what a station leaves on it (a logo) takes a few samples. */
const BRIGHTEST = 40
const BRIGHT_SAMPLES = 4

/** Which of `count` pictures are black: RGBA pixels, the pictures side by side, `BLACK_SAMPLE` pixels square each. */
export function blackTiles(pixels: ArrayLike<number>, count: number): number[] {
  const found: number[] = []
  const stride = count * BLACK_SAMPLE
  for (let picture = 0; picture < count; picture += 1) {
    let bright = 0
    for (let y = 0; y < BLACK_SAMPLE; y += 1) {
      for (let x = 0; x < BLACK_SAMPLE; x += 1) {
        const at = 4 * (y * stride + picture * BLACK_SAMPLE + x)
        if (Math.max(pixels[at] ?? 0, pixels[at + 1] ?? 0, pixels[at + 2] ?? 0) > BRIGHTEST) bright += 1
      }
    }
    if (bright <= BRIGHT_SAMPLES) found.push(picture)
  }
  return found
}
