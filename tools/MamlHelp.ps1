# Converts the Markdown that PlatyPS leaves in MAML to plain text for Get-Help. Dot-source this file.

$script:MamlNamespaces = @{
    command = 'http://schemas.microsoft.com/maml/dev/command/2004/10'
    dev     = 'http://schemas.microsoft.com/maml/dev/2004/10'
    maml    = 'http://schemas.microsoft.com/maml/2004/10'
}

function Select-Maml([Xml.XmlNode] $Node, [string] $Path) {
    $names = New-Object Xml.XmlNamespaceManager (New-Object Xml.NameTable)
    foreach ($prefix in $MamlNamespaces.Keys) { $names.AddNamespace($prefix, $MamlNamespaces[$prefix]) }
    $Node.SelectNodes($Path, $names)
}

function Add-Maml([Xml.XmlNode] $Node, [string] $Prefix, [string] $Name, [string] $Text) {
    $child = $Node.OwnerDocument.CreateElement($Prefix, $Name, $MamlNamespaces[$Prefix])
    $child.InnerText = $Text
    $null = $Node.AppendChild($child)
}

# The pages have one sentence per line; Get-Help wraps a paragraph itself.
function Join-Line([string] $Text) { $Text -replace '(?<!\n)\n(?!\n)', ' ' -replace '`([^`]+)`', '$1' }

# Commands and their output become code, which Get-Help does not wrap. Sentences become remarks.
function Convert-MamlExample([Xml.XmlNode] $Example) {
    $introduction = (Select-Maml $Example 'maml:introduction' | Select-Object -First 1)
    $text = ((Select-Maml $introduction 'maml:para' | ForEach-Object InnerText) -join "`n").Replace([string][char]0x80, '')
    $code, $remarks = @(), @()
    foreach ($part in [regex]::Matches($text, '(?s)```\w*\n(?<code>.*?)\n```|(?<text>(?:(?!```).)+)')) {
        if ($part.Groups['code'].Success) { $code += $part.Groups['code'].Value }
        elseif ($part.Value.Trim()) { $remarks += Join-Line $part.Value.Trim() }
    }
    if (-not $code -or $text -notmatch '```powershell') { throw "This example has no PowerShell block: $($Example.InnerText)" }
    $introduction.RemoveAll()
    Add-Maml $introduction maml para 'PS> '
    (Select-Maml $Example 'dev:code' | Select-Object -First 1).InnerText = $code -join "`n`n"
    $rest = (Select-Maml $Example 'dev:remarks' | Select-Object -First 1)
    foreach ($remark in $remarks + '') { Add-Maml $rest maml para $remark }
    $title = (Select-Maml $Example 'maml:title' | Select-Object -First 1)
    $title.InnerText = $title.InnerText.Trim()
}

function Convert-Maml([xml] $Help, $Pages) {
    foreach ($example in Select-Maml $Help '//command:example') { Convert-MamlExample $example }

    foreach ($paragraph in Select-Maml $Help '//maml:para[not(ancestor::command:example)]') {
        $paragraph.InnerText = Join-Line $paragraph.InnerText
    }

    # A relative link does not work on the reader's machine. Get-Help accepts the name alone.
    foreach ($link in Select-Maml $Help '//maml:navigationLink') {
        $address = (Select-Maml $link 'maml:uri' | Select-Object -First 1)
        $text = (Select-Maml $link 'maml:linkText' | Select-Object -First 1).InnerText
        if ($text -eq 'Online Version' -and -not $address.InnerText) { $null = $link.ParentNode.RemoveChild($link) }
        elseif ($address.InnerText -notmatch '^https?:') { $address.InnerText = '' }
    }

    foreach ($page in $Pages) {
        foreach ($parameter in $page.Parameters | Where-Object { $_.DefaultValue -and $_.DefaultValue -ne 'False' }) {
            $path = "//command:command[command:details/command:name='$($page.Title)']" +
                "/command:parameters/command:parameter[maml:name='$($parameter.Name)']"
            foreach ($node in Select-Maml $Help $path) { Add-Maml $node dev defaultValue $parameter.DefaultValue }
        }
    }
    $Help
}

# Line ends and encoding are the same on every system, so that a diff shows only changes of the text.
function Save-Xml([xml] $Document, [string] $Path) {
    $encoding = New-Object Text.UTF8Encoding $false
    $settings = New-Object Xml.XmlWriterSettings -Property @{ Indent = $true; NewLineChars = "`n"; Encoding = $encoding }
    $writer = [Xml.XmlWriter]::Create($Path, $settings)
    try { $Document.Save($writer) } finally { $writer.Dispose() }
    [IO.File]::AppendAllText($Path, "`n")
}
