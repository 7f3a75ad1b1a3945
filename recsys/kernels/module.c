/* Compiled kernels: steps of an answer where the calls of NumPy cost more than the arithmetic.
 *
 * Optional: without a compiler the steps run in NumPy.  Each has its twin there, which the tests hold it to.
 * Arrays are contiguous and of the named type.  The interpreter stays locked, so the scratch memory needs no lock.
 */
#include "history.h"
#include "rows.h"
#include "vectors.h"

#define KERNEL(name) {#name, (PyCFunction)(void (*)(void))name, METH_FASTCALL, NULL}

static PyMethodDef methods[] = {
    KERNEL(item_weights),  KERNEL(als_vector),    KERNEL(voters),  KERNEL(best_of_rows), KERNEL(best_of_votes),
    KERNEL(search),        KERNEL(buy_again),     KERNEL(merged),  KERNEL(nearest_liked), KERNEL(blended),
    KERNEL(cleared),       KERNEL(interpolated),  {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "recsys.kernels._compiled", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__compiled(void) {
    import_array();
    PyObject *kernels = PyModule_Create(&module);
    if (kernels != NULL && PyModule_AddIntConstant(kernels, "VERSION", 3) < 0) Py_CLEAR(kernels);
    return kernels;
}
