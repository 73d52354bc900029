# Creates a gallery package from the staged module. Dot-source this file and MamlHelp.ps1.

# The files of the module, one a line. The staged module and the package contain exactly these.
function Assert-Shipped([string[]] $Found, [string] $Where) {
    $difference = Compare-Object @(Get-Content (Join-Path $PSScriptRoot 'shipped.txt')) $Found
    if ($difference) { throw "$Where has missing or unexpected files: $($difference | Out-String)" }
}

# The newest part of the changelog, without its heading and without Markdown's quotes of code.
function Get-ReleaseNote([string] $ChangeLog, [string] $Version) {
    $part = [regex]::Match((Get-Content $ChangeLog -Raw), '(?s)\n## \[(?<version>[^]]+)\][^\n]*\n(?<text>.*?)(?=\n## |\z)')
    if ($part.Groups['version'].Value -ne $Version) { throw "The newest changes of $ChangeLog are not those of $Version." }
    "$Version`n`n" + ($part.Groups['text'].Value.Trim() -replace '(?m)^### ', '' -replace '`', '')
}

function Get-FullVersion($Manifest) {
    $label = $Manifest.PrivateData.PSData.Prerelease
    "$($Manifest.Version)$(if ($label) { "-$label" })"
}

# Adds a link to each page of the help, for Get-Help -Online. PowerShell opens the first link.
function Add-OnlineLink([string] $HelpFile, [string] $ProjectUri) {
    [xml] $help = Get-Content $HelpFile -Raw
    foreach ($command in Select-Maml $help '//command:command') {
        $name = (Select-Maml $command 'command:details/command:name' | Select-Object -First 1).InnerText.Trim()
        $links = (Select-Maml $command 'command:relatedLinks' | Select-Object -First 1)
        if (-not $links) {
            Add-Maml $command command relatedLinks ''
            $links = $command.LastChild
        }
        $link = $help.CreateElement('maml', 'navigationLink', $MamlNamespaces.maml)
        $null = $links.PrependChild($link)
        Add-Maml $link maml linkText 'Online Version'
        Add-Maml $link maml uri "$($ProjectUri.TrimEnd('/'))/blob/HEAD/docs/en-US/$name.md"
    }
    Save-Xml $help $HelpFile
}

# Copies the staged module, with the release notes in its manifest and, if the manifest names a project, with online links in its help.
function Copy-Module([string] $Staged, [string] $Destination, [string] $ChangeLog) {
    if (Test-Path $Destination) { Remove-Item $Destination -Recurse -Force }
    $null = New-Item (Split-Path $Destination) -ItemType Directory -Force
    Copy-Item $Staged $Destination -Recurse
    $path = Join-Path $Destination 'RedisClusterOps.psd1'
    $manifest = Test-ModuleManifest $path
    $notes = Get-ReleaseNote $ChangeLog (Get-FullVersion $manifest)
    $text = [IO.File]::ReadAllText($path)
    $filled = $text.Replace("ReleaseNotes = ''", "ReleaseNotes = '" + $notes.Replace("'", "''") + "'")
    if ($filled -eq $text) { throw "$path has no empty ReleaseNotes." }
    [IO.File]::WriteAllText($path, $filled)
    if ($manifest.ProjectUri) { Add-OnlineLink ([IO.Path]::Combine($Destination, 'en-US', 'RedisClusterOps.dll-Help.xml')) $manifest.ProjectUri }
}

function ConvertTo-Specification($Manifest) {
    $names = @($Manifest.ExportedCmdlets.Keys | Sort-Object)
    # Find-PSResource finds a module by the tags of its cmdlets.
    $tags = @($Manifest.Tags) + 'PSModule' + 'PSIncludes_Cmdlet' + @($names | ForEach-Object { "PSCmdlet_$_"; "PSCommand_$_" })
    $text = { param($Value) [Security.SecurityElement]::Escape($Value) }
    $project = if ($Manifest.ProjectUri) { "<projectUrl>$(& $text "$($Manifest.ProjectUri)")</projectUrl>" }
    [xml] @"
<package xmlns="http://schemas.microsoft.com/packaging/2011/08/nuspec.xsd">
  <metadata>
    <id>$($Manifest.Name)</id>
    <version>$(Get-FullVersion $Manifest)</version>
    <authors>$(& $text $Manifest.Author)</authors>
    <owners>$(& $text $Manifest.CompanyName)</owners>
    <requireLicenseAcceptance>false</requireLicenseAcceptance>
    <license type="expression">MIT</license>
    $project
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

# Packs the staged module into a folder; returns the package. The project is built already.
function Export-Package([string] $Repository, [string] $Destination) {
    $staged = (Resolve-Path ([IO.Path]::Combine($Repository, 'out', 'RedisClusterOps'))).Path
    $files = Get-ChildItem $staged -Recurse -File | ForEach-Object { $_.FullName.Substring($staged.Length + 1).Replace('\', '/') }
    Assert-Shipped $files 'The staged module'
    $module = [IO.Path]::Combine($Destination, 'module', 'RedisClusterOps')
    Copy-Module $staged $module (Join-Path $Repository 'CHANGELOG.md')
    $manifest = Test-ModuleManifest (Join-Path $module 'RedisClusterOps.psd1')
    $specification = Join-Path $Destination 'RedisClusterOps.nuspec'
    Save-Xml (ConvertTo-Specification $manifest) $specification
    $project = [IO.Path]::Combine($Repository, 'src', 'RedisClusterOps', 'RedisClusterOps.csproj')
    $properties = "-p:NuspecFile=$specification", "-p:NuspecBasePath=$module", '-p:NoPackageAnalysis=true', '-nodeReuse:false'
    $output = & dotnet pack $project --no-build --configuration Release --output $Destination @properties
    if ($LASTEXITCODE -ne 0) { throw "dotnet pack failed: $($output | Out-String)" }
    $package = Get-Item (Join-Path $Destination "RedisClusterOps.$(Get-FullVersion $manifest).nupkg")
    Assert-Shipped (Get-PackedFile $package) 'The package'
    $package
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
