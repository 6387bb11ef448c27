#include "models/safetensors_internal.h"

#include <string.h>

/*
 * What other formats begin with. ONNX is a protobuf without a magic number: field 1, the version of
 * its representation, then the text or message of a later field.
 */
static const char *name_of(const unsigned char first[static 8])
{
    static const unsigned char onnx_fields[] = {0x12, 0x1a, 0x22, 0x32, 0x3a};
    if (memcmp(first, "PK\003\004", 4) == 0) {
        return "a PyTorch file (zip), or NumPy's npz";
    }
    if (first[0] == 0x80 && first[1] >= 1 && first[1] <= 5 && first[2] != 0) {
        return "a PyTorch file (pickle)";
    }
    if (memcmp(first, "\211HDF\r\n\032\n", 8) == 0) {
        return "an HDF5 file (a checkpoint, or Keras)";
    }
    if (first[0] == 8 && first[1] >= 1 && first[1] <= 32 &&
        memchr(onnx_fields, first[2], sizeof(onnx_fields)) != NULL) {
        return "an ONNX model";
    }
    if (memcmp(first + 4, "TFL3", 4) == 0) {
        return "a TensorFlow Lite model";
    }
    if (first[0] == '{' || first[0] == '[') {
        return "text in JSON (TensorFlow.js lists its weights so)";
    }
    return NULL;
}

pr_status pr__safetensors_refuse_foreign(const pr_safetensors *file,
                                         const unsigned char first[static 8])
{
    const char *const name = name_of(first);
    PR_REQUIRE(
        name == NULL, PR_ERR_FORMAT,
        "%s: %s. Weights are read from safetensors files, under the names of timm, Cadene or "
        "DeepfakeBench (PyTorch's: convert once, tools/pth2safetensors.py IN.pth "
        "OUT.safetensors), and from checkpoints (.h5) and runs as model.init names them",
        file->path, name);
    return PR_OK;
}
