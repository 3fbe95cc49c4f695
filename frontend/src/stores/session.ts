import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

import { setUnauthorizedListener } from '@/api/client'
import { getSession, logIn, logOut } from '@/api/endpoints'

/** Whether this address asks for a login, and whether we have one. */
export const useSession = defineStore('session', () => {
  const loginRequired = ref(false)
  const authenticated = ref(false)
  const known = ref(false)
  const unreachable = ref(false)

  const mayEnter = computed(() => known.value && (!loginRequired.value || authenticated.value))
  const mustLogIn = computed(() => known.value && loginRequired.value && !authenticated.value)

  async function load(): Promise<void> {
    try {
      const session = await getSession()
      loginRequired.value = session.login_required
      authenticated.value = session.authenticated
      known.value = true
      unreachable.value = false
    } catch {
      unreachable.value = true
    }
  }

  async function enter(password: string): Promise<void> {
    await logIn(password)
    await load()
  }

  async function leave(): Promise<void> {
    await logOut()
    await load()
  }

  setUnauthorizedListener(() => {
    if (known.value) {
      loginRequired.value = true
      authenticated.value = false
    }
  })

  return { loginRequired, authenticated, known, unreachable, mayEnter, mustLogIn, load, enter, leave }
})
