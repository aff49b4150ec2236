<#
.SYNOPSIS
Zips what Defender quarantined lately, still encrypted, for one GetFile of the same live response.

.DESCRIPTION
Runs as SYSTEM on a device that had an incident. So it only reads and copies: nothing is restored or
decrypted, no setting is changed, nothing is sent, and there is no secret in it. All that it writes
is one archive in the folder of live response, which the next run removes when it is a day old.
Tidegate decrypts the archive, and keeps the file that the alert names.

Exit codes: 0 the archive is there, 3 nothing in quarantine, 1 it failed. After anything but 0 live
response skips the GetFile that follows.

This file is plain ASCII, because Windows PowerShell reads a file without a byte order mark in the
code page of the machine.
#>
[CmdletBinding()]
param(
    # Names the archive. Lower case only, and no line break at the end: a ValidatePattern by itself
    # ignores case, and $ matches before one.
    [Parameter(Mandatory = $true)]
    [ValidatePattern('(?-i)^[0-9a-f]{8,32}\z')]
    [string] $Run,

    # How far back: what is older belongs to no alert that is being looked into.
    [Parameter(Mandatory = $true)]
    [ValidateRange(1, 720)]
    [int] $Hours
)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

Add-Type -AssemblyName System.IO.Compression

$quarantine = 'C:\ProgramData\Microsoft\Windows Defender\Quarantine'
$downloads = 'C:\ProgramData\Microsoft\Windows Defender Advanced Threat Protection\Downloads'
$archive = Join-Path -Path $downloads -ChildPath "tidegate-$Run.zip"
# Tidegate refuses more, and a device in the middle of an incident has better things to do.
$maxFiles = 2000
$maxBytes = 200MB

function Remove-Leftovers {
    # Live response has no step for tidying up after GetFile, so each run tidies up after earlier
    # ones. Only names of our own form, and none that a GetFile may still be under way for.
    $before = [DateTime]::UtcNow.AddDays(-1)
    Get-ChildItem -LiteralPath $downloads -File -Force |
        Where-Object { $_.Name -cmatch '^tidegate-[0-9a-f]{8,32}\.zip\z' } |
        Where-Object { $_.LastWriteTimeUtc -lt $before } |
        # One that is being read now is left to the next run: it must not cost us this sample.
        Remove-Item -Force -ErrorAction SilentlyContinue
}

function Get-Changed([System.IO.FileInfo] $File) {
    # A file that was moved here keeps the time of its last change, so the later of the two counts.
    if ($File.CreationTimeUtc -gt $File.LastWriteTimeUtc) {
        return $File.CreationTimeUtc
    }
    return $File.LastWriteTimeUtc
}

function Find-Quarantined {
    # Newest first: if there is too much, what raised the alert is likelier among these.
    $since = [DateTime]::UtcNow.AddHours(-$Hours)
    'Entries', 'ResourceData' |
        ForEach-Object { Join-Path -Path $quarantine -ChildPath $_ } |
        # Neither folder exists before something was quarantined for the first time.
        Where-Object { Test-Path -LiteralPath $_ -PathType Container } |
        ForEach-Object { Get-ChildItem -LiteralPath $_ -Recurse -File -Force } |
        # A link here is not Defender's doing, and SYSTEM could read whatever it points at.
        Where-Object { -not ($_.Attributes -band [System.IO.FileAttributes]::ReparsePoint) } |
        Where-Object { (Get-Changed $_) -ge $since } |
        Sort-Object -Property @{ Expression = { Get-Changed $_ }; Descending = $true }
}

function Open-Quarantined([System.IO.FileInfo] $File) {
    # Shares everything, so that Defender is never kept from its own files.
    $share = [System.IO.FileShare] 'ReadWrite, Delete'
    try {
        return [System.IO.File]::Open($File.FullName, 'Open', 'Read', $share)
    }
    catch [System.IO.IOException], [System.UnauthorizedAccessException] {
        # Purged since it was listed, or held by Defender: the others are still worth having.
        return $null
    }
}

function Add-ToArchive($Zip, [System.IO.FileInfo] $File) {
    # Returns whether the file is in the archive now.
    $source = Open-Quarantined $File
    if ($null -eq $source) {
        return $false
    }
    try {
        $name = $File.FullName.Substring($quarantine.Length + 1).Replace('\', '/')
        # Encrypted bytes do not get smaller.
        $entry = $Zip.CreateEntry($name, [System.IO.Compression.CompressionLevel]::NoCompression)
        $target = $entry.Open()
        try {
            $source.CopyTo($target)
        }
        finally {
            $target.Dispose()
        }
    }
    finally {
        $source.Dispose()
    }
    return $true
}

function Add-Quarantined($Zip, $Counts) {
    foreach ($file in @(Find-Quarantined)) {
        $fits = $Counts.files -lt $maxFiles -and $Counts.bytes + $file.Length -le $maxBytes
        if ($fits -and (Add-ToArchive $Zip $file)) {
            $Counts.files += 1
            $Counts.bytes += $file.Length
        }
        else {
            $Counts.skipped += 1
        }
    }
}

function Write-Archive($Counts) {
    # All of it or none: GetFile must never take half an archive for a whole one.
    $complete = $false
    try {
        # CreateNew never writes through a file or link that is there already.
        $stream = [System.IO.File]::Open($archive, 'CreateNew', 'ReadWrite', 'None')
        try {
            $mode = [System.IO.Compression.ZipArchiveMode]::Create
            $zip = New-Object System.IO.Compression.ZipArchive -ArgumentList $stream, $mode
            try {
                Add-Quarantined $zip $Counts
            }
            finally {
                # Writes the list of members, which may fail for want of space as well.
                $zip.Dispose()
            }
        }
        finally {
            $stream.Dispose()
        }
        $complete = $Counts.files -gt 0
    }
    finally {
        if (-not $complete) {
            # Silently: what shall be read of is the error that brought us here.
            Remove-Item -LiteralPath $archive -Force -ErrorAction SilentlyContinue
        }
    }
}

$counts = [ordered] @{ run = $Run; files = 0; bytes = 0; skipped = 0; message = 'staged' }
# The folder comes with the first live response that puts a file; this may be an earlier one.
if (-not (Test-Path -LiteralPath $downloads)) {
    New-Item -Path $downloads -ItemType Directory -Force | Out-Null
}
Remove-Leftovers
# The same run asked for twice: its first archive is half of one if the device was switched off.
if (Test-Path -LiteralPath $archive) {
    Remove-Item -LiteralPath $archive -Force
}
Write-Archive $counts
$code = 0
if ($counts.files -eq 0) {
    $counts.message = 'nothing in quarantine'
    $code = 3
}
$counts | ConvertTo-Json -Compress
exit $code
