/** The same object with some of its members replaced. */
export const overriding = <T extends object, M extends object>(target: T, members: M): T & M =>
  new Proxy(target, {
    get: (_, key) => {
      if (key in members) return Reflect.get(members, key)
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  }) as T & M
