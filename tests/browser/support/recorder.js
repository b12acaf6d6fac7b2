// Runs before a page's own scripts: records what its peer connections receive and what its microphones give, when it
// shows which state and how loud it plays, and keeps the connections at hand for their statistics.
(() => {
  const harness = { connections: [], received: [], microphone: [], opened: [], sockets: [], states: [], volumes: [], recording: true };
  Object.defineProperty(window, "__harness", { value: harness });

  const record = (track, list) => {
    if (!harness.recording) return;
    // `startedMs`: the first sample's time on the page's clock (performance.now), as if every sample had arrived with
    // the least delay that any had.
    const recording = { rate: 0, samples: 0, startedMs: Infinity, parts: [] };
    list.push(recording);
    const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
    (async () => {
      for (;;) {
        const { value: data, done } = await reader.read();
        if (done) return;
        const count = data.numberOfFrames;
        const floats = new Float32Array(count);
        data.copyTo(floats, { planeIndex: 0, format: "f32-planar" });
        const part = new Int16Array(count);
        for (let i = 0; i < count; i++) part[i] = Math.max(-32768, Math.min(32767, Math.round(floats[i] * 32768)));
        recording.parts.push(part);
        recording.rate = data.sampleRate;
        recording.samples += count;
        const started = performance.now() - (recording.samples * 1000) / recording.rate;
        recording.startedMs = Math.min(recording.startedMs, started);
        data.close();
      }
    })();
  };

  const NativeConnection = window.RTCPeerConnection;
  window.RTCPeerConnection = class RTCPeerConnection extends NativeConnection {
    constructor(...configuration) {
      super(...configuration);
      harness.connections.push(this);
      this.addEventListener("track", ({ track }) => {
        if (track.kind === "audio") record(track, harness.received);
      });
    }
  };

  const NativeSocket = window.WebSocket;
  window.WebSocket = class WebSocket extends NativeSocket {
    constructor(...where) {
      super(...where);
      harness.sockets.push(this);
    }
  };

  const devices = navigator.mediaDevices; // absent where the page's origin is not trustworthy
  if (devices) {
    const open = devices.getUserMedia.bind(devices);
    devices.getUserMedia = async (constraints) => {
      const stream = await open(constraints);
      for (const track of stream.getAudioTracks()) {
        harness.opened.push(track);
        record(track, harness.microphone);
      }
      return stream;
    };
  }

  new MutationObserver((changes) => {
    for (const { target } of changes) {
      if (target.id === "state") harness.states.push([performance.now(), target.dataset.state]);
    }
  }).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-state"] });

  for (const property of ["volume", "muted"]) {
    const native = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, property);
    Object.defineProperty(HTMLMediaElement.prototype, property, {
      ...native,
      set(value) {
        native.set.call(this, value);
        harness.volumes.push([performance.now(), this.muted ? 0 : this.volume]);
      },
    });
  }

  harness.take = async (name) => {
    const recordings = harness[name].filter((recording) => recording.samples > 0);
    return Promise.all(
      recordings.map(async ({ rate, startedMs, parts }) => {
        const reader = new FileReader();
        const read = new Promise((resolve) => (reader.onload = resolve));
        reader.readAsDataURL(new Blob(parts));
        await read;
        return { rate, startedMs, pcm: reader.result.slice(reader.result.indexOf(",") + 1) };
      }),
    );
  };

  harness.stats = async () => {
    const live = harness.connections.filter((connection) => connection.connectionState !== "closed");
    const all = await Promise.all(live.map((connection) => connection.getStats()));
    return { atMs: performance.now(), stats: all.flatMap((report) => [...report.values()]) };
  };
})();
