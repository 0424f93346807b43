from cspon.errors import InputError, SetupError, missing_extra


def test_an_input_error_names_file_field_row_and_mend():
    error = InputError("点数不符", file="a.txt", row=3, field="界址点数", mend="改正点数")
    assert str(error) == "文件 a.txt，第 3 行，字段 界址点数：点数不符\n处理办法：改正点数"
    assert str(InputError("空的")) == "空的"


def test_a_setup_error_says_the_command():
    assert str(SetupError("没有引擎", mend="cspon engine start")).endswith("cspon engine start")
    assert "embedded" in str(missing_extra("xllamacpp", "embedded"))
