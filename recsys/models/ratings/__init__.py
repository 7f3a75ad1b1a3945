"""Rating prediction: baseline, item-kNN, user-kNN, matrix factorisation and their ensemble."""
