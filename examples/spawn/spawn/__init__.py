"""spawn: databases on demand, the example app.

An HTTP API takes tasks, workers do them, a storage worker outside the cluster keeps the results. All of them meet
on one NATS bus, and the release id ends every subject, so any number of releases work side by side (S3, S5, S12).
"""
