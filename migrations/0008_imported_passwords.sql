-- Passwords that came from docker_auth as bcrypt hashes, until their first use. Their "pepper_id" is 'bcrypt'; the account of whoever never signed in here has "issuer" 'docker_auth' and "subject" the login.

create index app_password_by_bcrypt on app_password (account_id) where pepper_id = 'bcrypt';
