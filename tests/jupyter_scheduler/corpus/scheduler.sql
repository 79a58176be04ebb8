BEGIN TRANSACTION;
CREATE TABLE job_definitions (
	job_definition_id VARCHAR(36) NOT NULL, 
	schedule VARCHAR(256), 
	timezone VARCHAR(36), 
	url VARCHAR(256), 
	create_time INTEGER, 
	active BOOLEAN, 
	runtime_environment_name VARCHAR(256) NOT NULL, 
	runtime_environment_parameters VARCHAR(1024), 
	compute_type VARCHAR(256), 
	input_filename VARCHAR(256) NOT NULL, 
	output_formats VARCHAR(512), 
	name VARCHAR(256), 
	tags VARCHAR(1024), 
	parameters VARCHAR(1024), 
	email_notifications VARCHAR(1024), 
	timeout_seconds INTEGER, 
	retry_on_timeout BOOLEAN, 
	max_retries INTEGER, 
	min_retry_interval_millis INTEGER, 
	output_filename_template VARCHAR(256), 
	update_time INTEGER, 
	package_input_folder BOOLEAN, 
	packaged_files VARCHAR, 
	PRIMARY KEY (job_definition_id)
);
INSERT INTO "job_definitions" VALUES('8470eafe-16a9-426f-85ec-f5a5744f4596','0 8 * * 1','Europe/Paris','/job_definitions/8470eafe-16a9-426f-85ec-f5a5744f4596',1795997909058,1,'python3',NULL,NULL,'sales.ipynb','["ipynb", "html"]','sales','["weekly"]','{"region": "''north''", "limit": "5", "share": "1"}',NULL,600,0,0,0,'{{input_filename}}-{{create_time}}',1795997909058,NULL,'[]');
INSERT INTO "job_definitions" VALUES('e69456a2-041b-42c8-9331-7c1a6a282d09','30 6 * * *','America/New_York','/job_definitions/e69456a2-041b-42c8-9331-7c1a6a282d09',1795997909122,1,'python3',NULL,NULL,'report.ipynb','["ipynb", "pdf"]','report/of: the day',NULL,NULL,NULL,600,0,0,0,'{{input_filename}}-{{create_time}}',1795997909156,1,'["helper.py"]');
INSERT INTO "job_definitions" VALUES('8988dccd-8946-47b5-84e9-82406a6c32b3','15 2 * * 0',NULL,'/job_definitions/8988dccd-8946-47b5-84e9-82406a6c32b3',1795997909185,0,'python3',NULL,NULL,'nightly.ipynb','["ipynb", "html"]','nightly',NULL,NULL,NULL,600,0,0,0,'{{input_filename}}-{{create_time}}',1795997909228,NULL,'[]');
INSERT INTO "job_definitions" VALUES('b3fb8991-6baa-4658-b0ed-f637f68e57d5','0 9 * * *','UTC','/job_definitions/b3fb8991-6baa-4658-b0ed-f637f68e57d5',1795997909276,1,'python3',NULL,NULL,'sales.ipynb','["ipynb", "html"]','sales',NULL,'{"region": "datetime.now()"}',NULL,600,0,0,0,'{{input_filename}}-{{create_time}}',1795997909276,NULL,'[]');
CREATE TABLE jobs (
	job_id VARCHAR(36) NOT NULL, 
	job_definition_id VARCHAR(36), 
	status VARCHAR(64), 
	status_message VARCHAR(1024), 
	start_time INTEGER, 
	end_time INTEGER, 
	url VARCHAR(256), 
	pid INTEGER, 
	idempotency_token VARCHAR(256), 
	runtime_environment_name VARCHAR(256) NOT NULL, 
	runtime_environment_parameters VARCHAR(1024), 
	compute_type VARCHAR(256), 
	input_filename VARCHAR(256) NOT NULL, 
	output_formats VARCHAR(512), 
	name VARCHAR(256), 
	tags VARCHAR(1024), 
	parameters VARCHAR(1024), 
	email_notifications VARCHAR(1024), 
	timeout_seconds INTEGER, 
	retry_on_timeout BOOLEAN, 
	max_retries INTEGER, 
	min_retry_interval_millis INTEGER, 
	output_filename_template VARCHAR(256), 
	update_time INTEGER, 
	create_time INTEGER, 
	package_input_folder BOOLEAN, 
	packaged_files VARCHAR, 
	PRIMARY KEY (job_id)
);
INSERT INTO "jobs" VALUES('340688c1-fe81-4f0e-9172-6417d78c53a7','8470eafe-16a9-426f-85ec-f5a5744f4596','COMPLETED',NULL,1795997922181,1795997926587,'/jobs/340688c1-fe81-4f0e-9172-6417d78c53a7',3751,NULL,'python3',NULL,NULL,'sales.ipynb','["ipynb", "html"]','sales','["weekly"]','{"region": "''north''"}',NULL,600,0,0,0,'{{input_filename}}-{{create_time}}',1795997926588,1795997909591,NULL,'["sales.ipynb"]');
COMMIT;
