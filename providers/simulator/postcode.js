"use strict";
// Stands in for the postcode widget in mock mode.
(() => {
  const base = document.currentScript.src.replace(/[^/]*$/, "");
  class Postcode {
    constructor(options) { this.options = options || {}; }
    embed(element, how) {
      const frame = document.createElement("iframe");
      const width = this.options.width || "100%", height = this.options.height || "100%";
      frame.style.width = typeof width === "number" ? width + "px" : width;
      frame.style.height = typeof height === "number" ? height + "px" : height;
      frame.style.border = "0";
      frame.title = "우편번호 서비스";
      frame.src = base + "frame" + (how && how.q ? "?q=" + encodeURIComponent(how.q) : "");
      const heard = (event) => {
        if (event.source !== frame.contentWindow || !event.data || event.data.from !== "simulated-postcode") return;
        if (!how || how.autoClose !== false) {
          removeEventListener("message", heard);
          frame.remove();
        }
        if (this.options.oncomplete) this.options.oncomplete(event.data.picked);
      };
      addEventListener("message", heard);
      element.append(frame);
    }
    open() { throw new Error("the simulated widget does not open windows"); }
  }
  window.kakao = Object.assign(window.kakao || {}, { Postcode });
  window.daum = Object.assign(window.daum || {}, { Postcode });
})();
