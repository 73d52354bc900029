# Runs the lines of the tour in one session, as if a user had typed them, and shows their output on this terminal.
# A request is two lines: the line to run, and an expression for the tour that is not shown; it reads the line's output as $tourOutput.
# The reply is one line of JSON: the written or thrown errors, and the value of the expression as text.
param(
    [Parameter(Mandatory)] [string] $RequestHandle,
    [Parameter(Mandatory)] [string] $ReplyHandle,
    [switch] $PlainText
)

# A terminal gets PowerShell's normal display. A file gets lines of at most 120 columns, without colors and progress bars.
$tourShow = { $input | Out-Default }
if ($PlainText) {
    $PSStyle.OutputRendering = 'PlainText'
    $ProgressPreference = 'SilentlyContinue'
    $tourShow = {
        $blank = $false
        $input | Out-String -Stream -Width 120 | ForEach-Object TrimEnd | Where-Object { $_ -or -not $blank } |
            ForEach-Object { $blank = -not $_; $_ } | Out-Host
    }
}

$tourRequests = [IO.StreamReader]::new([IO.Pipes.AnonymousPipeClientStream]::new([IO.Pipes.PipeDirection]::In, $RequestHandle))
$tourReplies = [IO.StreamWriter]::new([IO.Pipes.AnonymousPipeClientStream]::new([IO.Pipes.PipeDirection]::Out, $ReplyHandle))
$tourReplies.AutoFlush = $true

while ($null -ne ($tourLine = $tourRequests.ReadLine())) {
    $tourExpression = $tourRequests.ReadLine()
    $tourOutput = $null
    $Error.Clear()
    try {
        . ([scriptblock]::Create($tourLine)) | Tee-Object -Variable tourOutput | . $tourShow
    }
    catch {
        Write-Error -ErrorRecord $_
    }
    $tourErrors = @($Error | ForEach-Object { "$_" })
    $tourValue = . ([scriptblock]::Create($tourExpression))
    $tourReplies.WriteLine((ConvertTo-Json -Compress @{ Errors = $tourErrors; Value = "$tourValue" }))
}
