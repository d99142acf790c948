// Tells the bridge the browser's time zone: pages show times in it for people who have not chosen another one.
"use strict";

const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
if (timeZone) document.cookie = `time_zone=${timeZone}; path=/; max-age=31536000; samesite=lax`;
