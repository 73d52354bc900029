# Creates the nuspec of a gallery package from the module manifest. Dot-source this file.

function ConvertTo-Specification($Manifest) {
    $names = @($Manifest.ExportedCmdlets.Keys | Sort-Object)
    # Find-PSResource finds a module by the tags of its cmdlets.
    $tags = @($Manifest.Tags) + 'PSModule' + 'PSIncludes_Cmdlet' + @($names | ForEach-Object { "PSCmdlet_$_"; "PSCommand_$_" })
    $text = { param($Value) [Security.SecurityElement]::Escape($Value) }
    [xml] @"
<package xmlns="http://schemas.microsoft.com/packaging/2011/08/nuspec.xsd">
  <metadata>
    <id>$($Manifest.Name)</id>
    <version>$($Manifest.Version)</version>
    <authors>$(& $text $Manifest.Author)</authors>
    <owners>$(& $text $Manifest.CompanyName)</owners>
    <requireLicenseAcceptance>false</requireLicenseAcceptance>
    <license type="expression">MIT</license>
    <description>$(& $text $Manifest.Description)</description>
    <releaseNotes>$(& $text $Manifest.ReleaseNotes)</releaseNotes>
    <copyright>$(& $text $Manifest.Copyright)</copyright>
    <tags>$($tags -join ' ')</tags>
  </metadata>
  <files>
    <file src="**" target="" />
  </files>
</package>
"@
}

# Returns the files of a package without the files that NuGet adds.
function Get-PackedFile($Package) {
    Add-Type -AssemblyName System.IO.Compression.FileSystem
    $archive = [IO.Compression.ZipFile]::OpenRead($Package.FullName)
    try {
        $archive.Entries.FullName | Where-Object { $_ -notmatch '^(_rels/|package/|\[Content_Types\]\.xml$|[^/]+\.nuspec$)' }
    }
    finally { $archive.Dispose() }
}
