/** The token that the reader gave, kept until the tab is closed and nowhere else. */

const KEY = "c360-token";

export const token = () => sessionStorage.getItem(KEY);
export const keepToken = (text) => sessionStorage.setItem(KEY, text);
export const dropToken = () => sessionStorage.removeItem(KEY);
