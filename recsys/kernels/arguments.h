/* Arguments of kernels: arrays of a named type, numbers, and scratch memory that is kept from call to call. */
#pragma once
#define PY_SSIZE_T_CLEAN
#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#include <Python.h>
#include <math.h>
#include <numpy/arrayobject.h>
#include <string.h>

typedef struct {
    void *data;
    npy_intp n, width;
} Array;

/* An array of that type; optional ones may be None.  False with an error set. */
static int is_array(PyObject *given, int type, int n_axes, int is_optional, Array *out) {
    if (is_optional && given == Py_None) {
        *out = (Array){NULL, 0, 0};
        return 1;
    }
    if (!PyArray_Check(given) || PyArray_TYPE((PyArrayObject *)given) != type ||
        PyArray_NDIM((PyArrayObject *)given) != n_axes || !PyArray_IS_C_CONTIGUOUS((PyArrayObject *)given) ||
        !PyArray_ISNOTSWAPPED((PyArrayObject *)given) || (n_axes == 1 && !PyArray_ISALIGNED((PyArrayObject *)given))) {
        PyErr_SetString(PyExc_TypeError, "an array of another type, shape or order than the kernel takes");
        return 0;
    }
    PyArrayObject *array = (PyArrayObject *)given;
    *out = (Array){PyArray_DATA(array), PyArray_DIM(array, 0), n_axes > 1 ? PyArray_DIM(array, 1) : 1};
    return 1;
}

#define ARRAY(at, type, name)                                    \
    Array name;                                                  \
    if (!is_array(args[at], type, 1, 0, &name)) return NULL
#define TABLE(at, type, name)                                    \
    Array name;                                                  \
    if (!is_array(args[at], type, 2, 0, &name)) return NULL
#define OPTIONAL(at, type, name)                                 \
    Array name;                                                  \
    if (!is_array(args[at], type, 1, 1, &name)) return NULL
#define NUMBER(at, name)                                         \
    double name = PyFloat_AsDouble(args[at]);                    \
    if (name == -1.0 && PyErr_Occurred()) return NULL
#define COUNT(at, name)                                          \
    Py_ssize_t name = PyLong_AsSsize_t(args[at]);                \
    if (name == -1 && PyErr_Occurred()) return NULL
#define TAKES(n)                                                 \
    if (n_args != (n)) {                                         \
        PyErr_SetString(PyExc_TypeError, "another number of arguments than the kernel takes"); \
        return NULL;                                             \
    }

static int same_length(npy_intp a, npy_intp b) {
    if (a != b) PyErr_SetString(PyExc_ValueError, "columns of different lengths");
    return a == b;
}

/* Whether all rows lie in 0..n-1; a single comparison, for negative ones are huge without a sign. */
static int in_range(const Array *rows, npy_intp n) {
    const npy_uint32 *row = rows->data;
    for (npy_intp at = 0; at < rows->n; at++)
        if (row[at] >= (npy_uint64)n) {
            PyErr_SetString(PyExc_IndexError, "a position beyond the end of its table");
            return 0;
        }
    return 1;
}

static PyObject *vector_of(int type, npy_intp n, const void *data, size_t width) {
    PyObject *array = PyArray_SimpleNew(1, &n, type);
    if (array != NULL && data != NULL) memcpy(PyArray_DATA((PyArrayObject *)array), data, n * width);
    return array;
}

typedef struct {
    void *data;
    size_t size;
} Scratch;

static void *scratch(Scratch *kept, size_t size) {
    if (size > kept->size) {
        free(kept->data);
        kept->data = NULL;
        kept->size = 0;
        if (posix_memalign(&kept->data, 64, size)) {
            PyErr_NoMemory();
            return NULL;
        }
        kept->size = size;
        memset(kept->data, 0, size);
    }
    return kept->data;
}

static Scratch sums_memory, touched_memory, heap_memory, system_memory, rows_memory, columns_memory;
