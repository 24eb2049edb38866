
/** Copies a text at once: the loop above takes several times as long for one that is not short. Only ASCII takes a byte for each unit. */
function passLongString(text, malloc, realloc) {
    const units = text.length;
    let ptr = malloc(units, 1) >>> 0;
    let { read, written } = cachedTextEncoder.encodeInto(text, getUint8ArrayMemory0().subarray(ptr, ptr + units));
    if (read !== units) {
        const most = written + (units - read) * 3;
        ptr = realloc(ptr, units, most, 1) >>> 0;
        written += cachedTextEncoder.encodeInto(text.slice(read), getUint8ArrayMemory0().subarray(ptr + written, ptr + most)).written;
        ptr = realloc(ptr, most, written, 1) >>> 0;
    }
    WASM_VECTOR_LEN = written;
    return ptr;
}
