import { defineStore } from 'pinia'
import { ref } from 'vue'

/** Whether the list of libraries is open, on screens where it lies over the page. */
export const useNavigation = defineStore('navigation', () => ({ open: ref(false) }))
