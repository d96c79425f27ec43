/** Something that is measured against a floor in the same run, so that the figures mean the same on every machine. */
export interface Bench {
  name: string
  run(): Promise<Row[]>
}

/** One figure. Smaller is better; `figure / floor` is held against `aim`. */
export interface Row {
  name: string
  figure: number
  floor: number
  /** Of figure and floor. */
  unit: string
  /** What the floor is. */
  against: string
  /** The ratio that must not be passed. */
  aim: number
}

export const ratioOf = ({ figure, floor }: Row): number => figure / floor
export const isMet = (row: Row): boolean => ratioOf(row) <= row.aim
