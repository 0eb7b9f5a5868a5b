// Filled by issue 8.
