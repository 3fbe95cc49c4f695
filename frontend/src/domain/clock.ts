/** The time of every frame, from the pieces that the server tells: straight between each two `[frame, time_s]`. */

export type ClockPoint = readonly [frame: number, time_s: number]

const SLACK_S = 0.001

function below(points: readonly ClockPoint[], column: 0 | 1, value: number): number {
  let low = 0
  let high = points.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((points[middle]?.[column] ?? 0) <= value) low = middle
    else high = middle - 1
  }
  return low
}

/** Frames and times of a recording; right to a millisecond, also where frames were lost. */
export class Clock {
  constructor(private readonly points: readonly ClockPoint[]) {}

  /** A clock of even steps, until the real one is known. */
  static steady(frames: number, duration_s: number): Clock {
    return new Clock([[0, 0], [Math.max(1, frames), Math.max(duration_s, 1e-6)]])
  }

  private between(column: 0 | 1, value: number): number {
    const other = column === 0 ? 1 : 0
    const at = Math.min(below(this.points, column, value), Math.max(0, this.points.length - 2))
    const [first, next] = [this.points[at], this.points[at + 1]]
    if (!first || !next) return 0
    const share = (value - first[column]) / (next[column] - first[column])
    return first[other] + share * (next[other] - first[other])
  }

  timeOf(frame: number): number {
    return Math.max(0, this.between(0, frame))
  }

  /** The frame that is shown at a time; a time a millisecond before a frame counts as that frame's. */
  frameAt(time_s: number): number {
    return Math.max(0, Math.floor(this.between(1, time_s + SLACK_S)))
  }

  /** The frame whose time is nearest. */
  nearest(time_s: number): number {
    return Math.max(0, Math.round(this.between(1, time_s)))
  }
}
