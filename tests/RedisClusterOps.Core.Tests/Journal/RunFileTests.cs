using System;
using System.IO;
using System.Linq;
using System.Runtime.Versioning;
using RedisClusterOps.Journal;
using Xunit;
using static RedisClusterOps.Core.Tests.Journal.RunJournalTests;

namespace RedisClusterOps.Core.Tests.Journal;

/// <summary>The files of a run: when they are created, what they must not contain, and what happens if they can not be written.</summary>
public sealed class RunFileTests : IDisposable
{
    private readonly TestJournal _journal = new();

    [Fact]
    public void No_secret_of_the_session_is_in_any_file()
    {
        var session = RedisClusterSession.Parse("rediss://operator:hunter2@10.0.0.1:6379");
        using var run = RunJournal.Begin(_journal.Folder, RunHeader.Of(MigrationOperation.Undo, "RoundTrip", session, [TestJournal.NodeA]));
        run.Intend(TestJournal.Entry(5, MigrationOperation.Undo));
        var files = Directory.GetFiles(_journal.Folder.Path, "*", SearchOption.AllDirectories)
            .Where(file => !file.EndsWith(".lock", StringComparison.Ordinal))
            .ToArray();
        Assert.Equal(2, files.Length);
        Assert.All(files, file => Assert.DoesNotContain("hunter2", ReadShared(file)));
        Assert.Equal(["10.0.0.1:6379"], _journal.Only().Seeds);
    }

    [Fact]
    public void A_folder_that_cannot_be_created_is_one_clear_error()
    {
        var file = _journal.Write([]);
        var failure = Assert.Throws<RedisOperationException>(() => RunJournal.Begin(JournalFolder.At(file), TestJournal.Header()));
        Assert.Equal(FailureCode.JournalUnavailable, failure.Code);
        Assert.Contains(file, failure.Message);
        Assert.Contains("-JournalPath", failure.NextStep());
    }

    [Fact]
    public void A_run_whose_file_cannot_be_created_releases_the_lock()
    {
        Directory.CreateDirectory(_journal.Folder.Path);
        File.WriteAllText(_journal.Folder.Runs, "in the way");
        Assert.Equal(FailureCode.JournalUnavailable, Assert.Throws<RedisOperationException>(() => _journal.Begin()).Code);
        File.Delete(_journal.Folder.Runs);
        using var run = _journal.BeginSlot();
        Assert.True(_journal.Only().IsRunning);
    }

    [Fact]
    public void A_run_is_in_the_list_from_its_first_record_on()
    {
        using var run = _journal.Begin();
        Assert.Empty(_journal.Read());
        run.SettingChanging(5, TestJournal.NodeA);
        Assert.Equal((run.Id, "Complete", MigrationState.Running), (_journal.Only().Id, _journal.Only().Operation, _journal.Only().State));
    }

    [Fact]
    public void A_run_that_was_refused_before_its_first_record_leaves_no_file()
    {
        _journal.Begin().Dispose();
        Assert.Empty(Directory.GetFiles(_journal.Folder.Runs));
    }

    // As after a kill while the run was announced.
    [Fact]
    public void A_run_that_recorded_nothing_cannot_be_resumed_and_is_no_obstacle_to_the_next()
    {
        File.Create(Path.Combine(Directory.CreateDirectory(_journal.Folder.Runs).FullName, "20261123T090000Z-00000a.jsonl")).Dispose();
        Assert.Null(new JournalReader(_journal.Folder).FindResumable(_ => true));
        using var run = _journal.BeginSlot();
        Assert.Equal(run.Id, _journal.Only().Id);
    }

    [Fact]
    public void An_intent_that_a_full_disk_rejects_stops_the_slot_and_an_outcome_becomes_a_warning()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux has a device that is always full.");
        var held = ClusterLock.Take(_journal.Folder, TestJournal.Header(), "full", _journal.Now);
        using var full = new RunJournal(
            "full", held, new FileStream("/dev/full", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, 1), () => _journal.Now);
        var refused = Assert.Throws<RedisOperationException>(() => full.Intend(TestJournal.Entry(5)));
        Assert.Equal(FailureCode.JournalUnavailable, refused.Code);
        Assert.Equal(
            FailureCode.JournalUnavailable, Assert.Throws<RedisOperationException>(() => full.Planned([TestJournal.Entry(5)])).Code);
        full.Progress(5, 1, 1);
        var warning = full.Outcome(TestJournal.Result(5, MigrationOutcome.Completed));
        Assert.Contains("Slot 5 is Completed", warning);
    }

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public void Only_the_owner_can_read_the_files_of_a_run()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There the user's own folder is private already.");
        using var run = _journal.Begin();
        const UnixFileMode file = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        Assert.All(
            Directory.GetFiles(_journal.Folder.Path, "*", SearchOption.AllDirectories),
            path => Assert.Equal(file, File.GetUnixFileMode(path)));
        Assert.All(
            [_journal.Folder.Path, _journal.Folder.Runs, _journal.Folder.Locks],
            path => Assert.Equal(file | UnixFileMode.UserExecute, File.GetUnixFileMode(path)));
    }

    [Fact]
    public void The_environment_names_the_folder_if_no_parameter_does()
    {
        var before = Environment.GetEnvironmentVariable(JournalFolder.Variable);
        try
        {
            Environment.SetEnvironmentVariable(JournalFolder.Variable, _journal.Folder.Path);
            Assert.Equal(_journal.Folder.Path, JournalFolder.At().Path);
            Assert.Equal(Path.GetFullPath("elsewhere"), JournalFolder.At("elsewhere").Path);
            Environment.SetEnvironmentVariable(JournalFolder.Variable, null);
            Assert.EndsWith("RedisClusterOps", JournalFolder.At().Path);
        }
        finally
        {
            Environment.SetEnvironmentVariable(JournalFolder.Variable, before);
        }
    }

    public void Dispose() => _journal.Dispose();
}
