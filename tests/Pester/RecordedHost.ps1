# A PowerShell host that answers questions from a list and records what a screen would show. Dot-source it after $ModulePath is set.

if (-not ('RecordedHost' -as [type])) {
    Add-Type -TypeDefinition @'
using System;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;
using System.Text;

public class RecordedRawUI : PSHostRawUserInterface
{
    public int Columns;
    public override Size WindowSize
    {
        get { if (Columns == 0) throw new NotImplementedException(); return new Size(Columns, 50); }
        set { }
    }
    public override Size BufferSize { get { return WindowSize; } set { } }
    public override Size MaxWindowSize { get { return WindowSize; } }
    public override Size MaxPhysicalWindowSize { get { return WindowSize; } }
    public override Coordinates CursorPosition { get; set; }
    public override Coordinates WindowPosition { get; set; }
    public override ConsoleColor ForegroundColor { get; set; }
    public override ConsoleColor BackgroundColor { get; set; }
    public override int CursorSize { get; set; }
    public override string WindowTitle { get; set; }
    public override bool KeyAvailable { get { return false; } }
    public override void FlushInputBuffer() { }
    public override KeyInfo ReadKey(ReadKeyOptions options) { throw new NotSupportedException(); }
    public override BufferCell[,] GetBufferContents(Rectangle rectangle) { throw new NotSupportedException(); }
    public override void SetBufferContents(Coordinates origin, BufferCell[,] contents) { }
    public override void SetBufferContents(Rectangle rectangle, BufferCell fill) { }
    public override void ScrollBufferContents(Rectangle source, Coordinates destination, Rectangle clip, BufferCell fill) { }
}

public class RecordedUI : PSHostUserInterface
{
    public RecordedRawUI Raw = new RecordedRawUI();
    public List<string> Questions = new List<string>();
    public List<string> Warnings = new List<string>();
    public List<string> Lines = new List<string>();
    // Everything that a console would show, in order.
    public StringBuilder Transcript = new StringBuilder();
    private void Show(string text) { lock (Transcript) Transcript.Append(text); }
    public Queue<int> Answers = new Queue<int>();
    public override PSHostRawUserInterface RawUI { get { return Raw; } }
    public override int PromptForChoice(string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice)
    {
        Questions.Add(message);
        return Answers.Dequeue();
    }
    public override void WriteWarningLine(string message)
    { Show("WARNING: " + message + "\n"); lock (Warnings) Warnings.Add(message); }
    public override Dictionary<string, PSObject> Prompt(string c, string m, Collection<FieldDescription> d)
    { throw new NotSupportedException(); }
    public override PSCredential PromptForCredential(string c, string m, string u, string t) { throw new NotSupportedException(); }
    public override PSCredential PromptForCredential(string c, string m, string u, string t, PSCredentialTypes a, PSCredentialUIOptions o)
    { throw new NotSupportedException(); }
    public override string ReadLine() { throw new NotSupportedException(); }
    public override SecureString ReadLineAsSecureString() { throw new NotSupportedException(); }
    public override void Write(string value) { Show(value); }
    public override void Write(ConsoleColor foreground, ConsoleColor background, string value) { Show(value); }
    public override void WriteLine(string value) { Lines.Add(value); Show(value + "\n"); }
    public override void WriteDebugLine(string message) { }
    public override void WriteErrorLine(string value) { Show(value + "\n"); }
    public override void WriteVerboseLine(string message) { Show("VERBOSE: " + message + "\n"); }
    public override void WriteProgress(long source, ProgressRecord record) { }
}

public class RecordedHost : PSHost
{
    public RecordedUI Screen = new RecordedUI();
    private Guid _id = Guid.NewGuid();
    public override CultureInfo CurrentCulture { get { return CultureInfo.InvariantCulture; } }
    public override CultureInfo CurrentUICulture { get { return CultureInfo.InvariantCulture; } }
    public override Guid InstanceId { get { return _id; } }
    public override string Name { get { return "Recorded"; } }
    public override PSHostUserInterface UI { get { return Screen; } }
    public override Version Version { get { return new Version(1, 0); } }
    public override void EnterNestedPrompt() { }
    public override void ExitNestedPrompt() { }
    public override void NotifyBeginApplication() { }
    public override void NotifyEndApplication() { }
    public override void SetShouldExit(int exitCode) { }
}
'@
}

# Creates a shell with the module imported. Answer: the choices to make (0 Yes, 1 Yes to All, 2 No, 3 No to All).
# Column: the width of the screen; 0 for no screen.
function Open-RecordedShell([int[]] $Answer, [int] $Column) {
    $recorder = [RecordedHost]::new()
    $recorder.Screen.Raw.Columns = $Column
    foreach ($one in $Answer) { $recorder.Screen.Answers.Enqueue($one) }
    $state = [initialsessionstate]::CreateDefault()
    $state.ImportPSModule($ModulePath)
    $runspace = [runspacefactory]::CreateRunspace($recorder, $state)
    $runspace.Open()
    $shell = [powershell]::Create()
    $shell.Runspace = $runspace
    [pscustomobject]@{ Shell = $shell; Screen = $recorder.Screen }
}

function Close-RecordedShell($Recorded) {
    $Recorded.Shell.Dispose()
    $Recorded.Shell.Runspace.Dispose()
}

# Runs a script in such a shell. Returns its output, its errors, its prompts (Questions), and the lines that -WhatIf wrote to the screen.
function Invoke-Asked([string] $Script, [int[]] $Answer, [int] $Column) {
    $recorded = Open-RecordedShell $Answer $Column
    try {
        $output = $recorded.Shell.AddScript($Script).Invoke()
        [pscustomobject]@{
            Output = @($output)
            Errors = @($recorded.Shell.Streams.Error)
            Questions = @($recorded.Screen.Questions)
            Lines = @($recorded.Screen.Lines)
        }
    }
    finally { Close-RecordedShell $recorded }
}
