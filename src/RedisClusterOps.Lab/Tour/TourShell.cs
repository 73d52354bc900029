using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.IO.Pipes;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Journal;

namespace RedisClusterOps.Lab.Tour;

/// <summary>One PowerShell session that runs the lines of the tour. It writes to the output of this process.</summary>
internal sealed class TourShell : IDisposable
{
    private const int InterruptSignal = 2;
    private static readonly TimeSpan IdleTimeout = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(4);

    private readonly AnonymousPipeServerStream _requestPipe = new(PipeDirection.Out, HandleInheritability.Inheritable);
    private readonly AnonymousPipeServerStream _replyPipe = new(PipeDirection.In, HandleInheritability.Inheritable);
    private readonly StreamWriter _requests;
    private readonly StreamReader _replies;
    private readonly Process _process;

    /// <param name="journal">The folder for the journal of the cmdlets.</param>
    public TourShell(PowerShellProgram powershell, string journal)
    {
        List<string> arguments = OperatingSystem.IsWindows() ? ["-ExecutionPolicy", "Bypass"] : [];
        // Without -NonInteractive an unexpected prompt would wait for an answer.
        arguments.AddRange(["-NoLogo", "-NoProfile", "-NonInteractive"]);
        arguments.AddRange(["-File", Path.Combine(AppContext.BaseDirectory, "Tour", "session.ps1")]);
        arguments.AddRange(["-RequestHandle", _requestPipe.GetClientHandleAsString()]);
        arguments.AddRange(["-ReplyHandle", _replyPipe.GetClientHandleAsString()]);
        if (Console.IsOutputRedirected)
            arguments.Add("-PlainText");
        var start = powershell.Start(arguments);
        start.Environment[JournalFolder.Variable] = journal;
        // With -File PowerShell would read input that is not a terminal to its end.
        start.RedirectStandardInput = Console.IsInputRedirected;
        _process = Process.Start(start) ?? throw new LabException("PowerShell could not be started.");
        if (start.RedirectStandardInput)
            _process.StandardInput.Close();
        _requestPipe.DisposeLocalCopyOfClientHandle();
        _replyPipe.DisposeLocalCopyOfClientHandle();
        _requests = new StreamWriter(_requestPipe) { AutoFlush = true };
        _replies = new StreamReader(_replyPipe);
    }

    /// <summary>Runs a line and waits until its output was shown.</summary>
    /// <param name="line">The command line to run.</param>
    /// <param name="expression">
    /// A PowerShell expression that is evaluated afterwards and not shown; <c>$tourOutput</c> holds the output of the line.
    /// </param>
    /// <returns>The expression's value as text.</returns>
    /// <exception cref="LabException">The line wrote an error, or PowerShell ended.</exception>
    public async Task<string> RunAsync(string line, string expression, CancellationToken cancellation)
    {
        string? reply;
        try
        {
            await _requests.WriteLineAsync(line);
            await _requests.WriteLineAsync(expression);
            reply = await _replies.ReadLineAsync(CancellationToken.None).AsTask().WaitAsync(cancellation);
        }
        catch (IOException)
        {
            reply = null;
        }

        if (reply is null)
            throw new LabException("PowerShell ended while it ran: " + line);
        var result = JsonSerializer.Deserialize<Reply>(reply)!;
        if (result.Errors.Count > 0)
            throw new LabException("'" + line + "' wrote an error: " + string.Join(" ", result.Errors));
        return result.Value;
    }

    /// <summary>Ends the session as Ctrl+C does, so that it removes its own temporary files; otherwise kills it after a timeout.</summary>
    public void Dispose()
    {
        // An idle session ends when the request pipe closes. A running cmdlet has to be stopped.
        _requestPipe.Dispose();
        if (!_process.WaitForExit(IdleTimeout) && !OperatingSystem.IsWindows())
            _ = Kill(_process.Id, InterruptSignal);
        if (!_process.WaitForExit(StopTimeout))
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process.Dispose();
        _replyPipe.Dispose();
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int pid, int signal);

    private sealed record Reply(IReadOnlyList<string> Errors, string Value);
}
