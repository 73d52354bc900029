using System;
using System.Diagnostics;
using System.IO;
using System.Runtime.CompilerServices;
using RedisClusterOps.Journal;

namespace RedisClusterOps.Core.Tests.Journal;

/// <summary>A second process with its own run. It is this test program, started with an argument.</summary>
internal sealed class OtherProcess : IDisposable
{
    private const string Variable = "RCO_TEST_RUN_IN";

    private readonly Process _process;

    public OtherProcess(JournalFolder folder)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(OtherProcess).Assembly.Location])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        start.Environment[Variable] = folder.Path;
        _process = Process.Start(start)!;
        RunId = _process.StandardOutput.ReadLine() ?? throw new IOException("The second process began no run.");
    }

    public int Id => _process.Id;

    public string RunId { get; }

    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            Kill();
        _process.Dispose();
    }

    [ModuleInitializer]
    internal static void RunWhereAsked()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { } path)
            return;
        var run = RunJournal.Begin(JournalFolder.At(path), TestJournal.Header(MigrationOperation.Undo));
        run.Intend(TestJournal.Entry(5, MigrationOperation.Undo));
        Console.WriteLine(run.Id);
        // Until it is killed, or its parent is gone.
        Console.ReadLine();
        Environment.Exit(0);
    }
}
