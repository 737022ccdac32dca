"""What production never needs: embedded servers, `make run`, `make demo`, the test servers."""
