from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='AuditUnlock',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.CharField(max_length=200)),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Heartbeat',
            fields=[
                ('name', models.CharField(max_length=60, primary_key=True, serialize=False)),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Switch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sending', models.BooleanField(default=True)),
                ('by', models.CharField(blank=True, max_length=200)),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('practice_ref', models.BigIntegerField()),
                ('seq', models.BigIntegerField()),
                ('model', models.CharField(max_length=100)),
                ('history_id', models.BigIntegerField()),
                ('at', models.DateTimeField()),
                ('actor', models.CharField(blank=True, max_length=200)),
                ('system', models.CharField(max_length=20)),
                ('fields_version', models.CharField(max_length=64)),
                ('personal', models.JSONField(default=dict)),
                ('digest', models.CharField(max_length=64)),
                ('prev', models.CharField(blank=True, max_length=64)),
                ('hash', models.CharField(max_length=64)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('practice_ref', 'seq'), name='audit_entry_seq_once'), models.UniqueConstraint(fields=('model', 'history_id'), name='audit_entry_row_once')],
            },
        ),
    ]
