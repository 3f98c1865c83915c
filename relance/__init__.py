"""The program: command line, settings, embedded services, rehearsal. It builds everything and passes it down."""
