#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# hash.pl MEGABYTES -- a hash of records of about so many megabytes.
#
# Nothing lies beside what belongs to it: a bucket leads to a key, the key to
# a record, the record to its text.  The records are made, some are looked up
# and changed at random, and all are gone over in the order of the hash.  With
# PERL_HASH_SEED=0 and PERL_PERTURB_KEYS=0 that is the same one in every run.
use strict;
use warnings;
use integer;

use constant {
	RECORD_BYTES => 2700,    # what one record takes
	CHANGES      => 8,       # one record of so many is changed
};

my $seed = 7;

sub choose {
	my ($below) = @_;
	$seed = ($seed * 1103515245 + 12345) & 0x7fffffff;
	return ($seed >> 8) % $below;
}

sub key {
	my ($number) = @_;
	return ($number * 7919) % 1000003 . " key $number";
}

my $count = $ARGV[0] * (1 << 20) / RECORD_BYTES;
my %records;
for my $i (0 .. $count - 1) {
	my $text = "text $i " x (50 + choose(250));
	$records{key($i)} = { number => $i, text => $text };
}
for my $i (1 .. $count / CHANGES) {
	my $key = key(choose($count));
	my $record = delete $records{$key} or next;
	$record->{number} += $i;
	$record->{text} .= "changed $i";
	$records{"$key again"} = $record if $i % 2;
	$records{$key} = $record if $i % 2 == 0;
}
my ($length, $sum) = (0, 0);
while (my ($key, $record) = each %records) {
	$length += length($key) + length($record->{text});
	$sum = ($sum * 31 + $record->{number}) & 0xffffffff;
}
print scalar(keys %records), " records, $length, $sum\n";
print "$_ $records{$_}{number}\n" for (sort keys %records)[0 .. 99];
