# Makes an about topic from a page of docs, so that both have one source. Dot-source it.

# The about topics that are made, and their pages.
$AboutPages = @{
    about_RedisClusterOps_Runbooks = 'docs/automation.md'
    about_RedisClusterOps_Decisions = 'docs/decision-guide.md'
}

# Plain text of a line of Markdown: links keep their text, marks go.
function ConvertTo-PlainText([string] $Text) {
    $Text -replace '\[([^\]]+)\]\([^)]+\)', '$1' -replace '\*\*([^*]+)\*\*', '$1' -replace '`', '' -replace '\\\|', '|'
}

# Wraps text to 78 columns behind an indent. The first line may have another one.
function Format-Paragraph([string] $Text, [string] $Indent, [string] $First = $Indent) {
    $line = $First
    foreach ($word in $Text -split '\s+' | Where-Object { $_ }) {
        if ($line.Length -gt $Indent.Length -and $line.Length + 1 + $word.Length -gt 78) {
            $line.TrimEnd()
            $line = $Indent
        }
        $line += if ($line.EndsWith(' ')) { $word } else { " $word" }
    }
    $line.TrimEnd()
}

# A row of a table becomes its first cell with the others below it.
function Format-Row([string] $Row) {
    $cells = @($Row.Trim('|').Trim() -split '(?<!\\)\|' | ForEach-Object { (ConvertTo-PlainText $_).Trim() })
    Format-Paragraph $cells[0] '    '
    if ($cells.Count -gt 2 -and $cells[1]) { Format-Paragraph "$($cells[1])." '        ' }
    Format-Paragraph $cells[-1] '          ' '        > '
}

# The page as blocks: a kind (Heading, Code, Table, List, Paragraph) and its lines.
function Get-PageBlock([string[]] $Page) {
    $block = $null
    $isCode = $false
    foreach ($line in $Page) {
        if ($line -match '^```') { $isCode = -not $isCode; $kind = if ($isCode) { 'Fence' } else { $null } }
        elseif ($isCode) { $kind = 'Code' }
        elseif (-not $line -or $line.StartsWith('<!--')) { $kind = $null }
        elseif ($line.StartsWith('#')) { $kind = 'Heading' }
        elseif ($line.StartsWith('|')) { $kind = 'Table' }
        elseif ($line.StartsWith('- ') -or ($block -and $block.Kind -eq 'List' -and $line.StartsWith('  '))) { $kind = 'List' }
        else { $kind = 'Paragraph' }
        if ($block -and $block.Kind -ne $kind) { $block; $block = $null }
        if ($kind -and $kind -ne 'Fence') {
            if (-not $block) { $block = [pscustomobject]@{ Kind = $kind; Lines = [Collections.Generic.List[string]]::new() } }
            $block.Lines.Add($line)
        }
    }
    if ($block) { $block }
}

# The topic as lines. The page's first paragraph is the summary.
function ConvertTo-AboutTopic([string] $Name, [string[]] $Page) {
    $blocks = @(Get-PageBlock $Page | Select-Object -Skip 1)
    'TOPIC', "    $Name", '', 'SHORT DESCRIPTION'
    Format-Paragraph (ConvertTo-PlainText ($blocks[0].Lines -join ' ')) '    '
    '', 'LONG DESCRIPTION'
    $before = 'Title'
    foreach ($block in $blocks | Select-Object -Skip 1) {
        if ($before -notin 'Title', 'Heading') { '' }
        switch ($block.Kind) {
            'Heading' { '  ' + (ConvertTo-PlainText ($block.Lines[0] -replace '^#+ ')).ToUpperInvariant() }
            'Code' { $block.Lines | ForEach-Object { "        $_".TrimEnd() } }
            'Table' { $block.Lines | Select-Object -Skip 2 | ForEach-Object { Format-Row $_ } }
            'List' { ($block.Lines -join "`n") -split '(?m)^- ' | Where-Object { $_ } | ForEach-Object { Format-Paragraph (ConvertTo-PlainText $_) '      ' '    - ' } }
            default { Format-Paragraph (ConvertTo-PlainText ($block.Lines -join ' ')) '    ' }
        }
        $before = $block.Kind
    }
    '', 'SEE ALSO', '    about_RedisClusterOps', '    about_RedisSlotMigration', '    Connect-RedisCluster', '    Resume-RedisMigration'
}

# The text of a topic's file, from the repository's folder.
function Get-AboutTopic([string] $Repository, [string] $Name) {
    $page = Get-Content (Join-Path $Repository $AboutPages[$Name]) -Encoding UTF8
    ((ConvertTo-AboutTopic $Name $page) -join "`n") + "`n"
}
