using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Runtime.InteropServices;

namespace RedisClusterOps.Lab;

/// <summary>One running server, started in a session of its own, with a log in its folder.</summary>
internal sealed class ServerProcess : IDisposable
{
    public const string LogName = "server.log";

    private readonly Process _process;

    private ServerProcess(Process process)
    {
        _process = process;
        Mark = ProcessMark.Of(process.Id);
    }

    public ProcessMark Mark { get; }

    public int Id => Mark.Pid;

    public bool IsRunning => !_process.HasExited;

    public static ServerProcess Start(ServerBinary server, IEnumerable<string> arguments, string folder)
    {
        string[] command = [server.Path, .. server.LeadingArguments, .. arguments];
        if (!OperatingSystem.IsWindows())
        {
            // In a session of its own, neither Ctrl+C nor the end of the terminal reaches the server. Both programs exec, so the
            // process started here is the server.
            string[] shell = ["/bin/sh", "-c", "exec \"$0\" \"$@\" </dev/null >>" + LogName + " 2>&1", .. command];
            var setsid = ServerBinary.OnPath("setsid");
            command = setsid is null ? shell : [setsid, .. shell];
        }

        var start = new ProcessStartInfo(command[0]) { WorkingDirectory = folder, UseShellExecute = false, CreateNoWindow = true };
        foreach (var argument in command.Skip(1))
            start.ArgumentList.Add(argument);
        // A Garnet node of a lab lives for seconds. Profiling its code for later costs it a third more processor time at the start.
        if (server.Kind == ServerEngine.Garnet)
            start.Environment["DOTNET_TieredPGO"] = "0";
        var process = Process.Start(start) ?? throw new LabException(server.Name + " could not be started.");
        return new ServerProcess(process);
    }

    /// <summary>Ends the server at once (SIGKILL).</summary>
    public void Kill()
    {
        if (_process.HasExited)
            return;
        try
        {
            _process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It ended between the check and the kill.
        }

        _process.WaitForExit();
    }

    /// <summary>Freezes the server (SIGSTOP): its sockets stay open, but it does not answer.</summary>
    public void Stop() => Signal(SignalNumbers.Stop);

    /// <summary>Resumes a frozen server (SIGCONT).</summary>
    public void Continue() => Signal(SignalNumbers.Continue);

    /// <summary>Releases the handle. The process keeps running.</summary>
    public void Dispose() => _process.Dispose();

    private void Signal(int number)
    {
        if (OperatingSystem.IsWindows())
            throw new PlatformNotSupportedException("Windows can't freeze a process by a signal.");
        if (_process.HasExited || Kill(Id, number) != 0)
            throw new LabException("Process " + Id + " has ended and can't be signalled.");
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int pid, int signal);

    private static class SignalNumbers
    {
        public static int Stop => OperatingSystem.IsLinux() ? 19 : 17;

        public static int Continue => OperatingSystem.IsLinux() ? 18 : 19;
    }
}
